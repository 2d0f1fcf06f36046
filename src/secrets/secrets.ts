import { stat } from 'node:fs/promises'
import { BuildError } from '../../core/errors.ts'
import type { SecretSource } from '../config/secrets.ts'
import { readFileOrPipe } from '../context/read-file-or-pipe.ts'

/** As BuildKit has it. */
const mostBytes = 500 * 1024

/** The caller's secrets. Each is read when it is first wanted, and then kept: a pipe gives it once. */
export class Secrets {
  readonly #sources: ReadonlyMap<string, SecretSource>
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #signal: AbortSignal
  readonly #read = new Map<string, Promise<Uint8Array>>()

  /** @param signal ends the wait for what comes out of a pipe */
  constructor(
    sources: ReadonlyMap<string, SecretSource>,
    env: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ) {
    this.#sources = sources
    this.#env = env
    this.#signal = signal
  }

  /** Finds out early that a file is not there.
   *  @throws {BuildError} `OPTION_INVALID` */
  async check(): Promise<void> {
    for (const [id, source] of this.#sources) {
      if (source.kind === 'value' && source.bytes.length > mostBytes) throw tooLarge(id)
      if (source.kind !== 'file') continue
      const { size } = await stat(source.path).catch((error: unknown) => {
        throw unreadable(id, error)
      })
      if (size > mostBytes) throw tooLarge(id)
    }
  }

  /** `undefined`: there is none of this id. A variable that is not set is an empty secret, as with buildx.
   *  @throws {BuildError} `OPTION_INVALID` when it cannot be read, or is too large */
  async find(id: string): Promise<Uint8Array | undefined> {
    const source = this.#sources.get(id)
    if (source === undefined) return undefined
    const reading = this.#read.get(id) ?? this.#readFrom(id, source)
    this.#read.set(id, reading)
    return reading
  }

  /** As `find()`; what goes into headers has no line break at its end. */
  async findText(id: string): Promise<string | undefined> {
    const bytes = await this.find(id)
    return bytes === undefined
      ? undefined
      : Buffer.from(bytes)
          .toString()
          .replace(/\r?\n$/, '')
  }

  async #readFrom(id: string, source: SecretSource): Promise<Uint8Array> {
    const bytes = await this.#bytesOf(id, source)
    if (bytes.length > mostBytes) throw tooLarge(id)
    return bytes
  }

  async #bytesOf(id: string, source: SecretSource): Promise<Uint8Array> {
    switch (source.kind) {
      case 'file':
        return readSome(source.path, this.#signal).catch((error: unknown) => {
          this.#signal.throwIfAborted()
          throw unreadable(id, error)
        })
      case 'env':
        return Buffer.from(this.#env[source.name] ?? '')
      case 'value':
        return source.bytes
      default:
        return source satisfies never
    }
  }
}

/** Of a file that has no end, more than is allowed is enough. */
async function readSome(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of readFileOrPipe(path, signal)) {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes > mostBytes) break
  }
  return Buffer.concat(chunks)
}

function unreadable(id: string, error: unknown): BuildError {
  const reason = error instanceof Error ? error.message : String(error)
  return new BuildError('OPTION_INVALID', `Cannot read the secret ${JSON.stringify(id)}: ${reason}`, { cause: error })
}

function tooLarge(id: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot use the secret ${JSON.stringify(id)}: it is larger than 500 KiB`, {
    hint: 'What is so large is better shown by a bind mount.',
  })
}
