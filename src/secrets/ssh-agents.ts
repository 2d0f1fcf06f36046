import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { BuildError } from '../../core/errors.ts'
import type { AgentSource } from '../config/agents.ts'

/** The caller's ssh agents. One for keys is a program of its own, `ssh-agent`, which is started when it is first wanted and ends with the build. */
export class SshAgents implements AsyncDisposable {
  readonly #sources: ReadonlyMap<string, AgentSource>
  readonly #folder: string
  #folderFd: number | undefined
  readonly #started = new Map<string, Promise<OwnAgent>>()

  /** @param folder of the build's own: for sockets */
  constructor(sources: ReadonlyMap<string, AgentSource>, folder: string) {
    this.#sources = sources
    this.#folder = folder
  }

  /** Finds out early that a socket or a key is not there.
   *  @throws {BuildError} `OPTION_INVALID` */
  async check(): Promise<void> {
    for (const [id, source] of this.#sources) {
      for (const path of source.kind === 'keys' ? source.paths : [source.path]) {
        const stats = await stat(path).catch((error: unknown) => {
          throw unusable(id, error instanceof Error ? error.message : String(error))
        })
        if (source.kind === 'socket' && !stats.isSocket()) throw unusable(id, `${path} is no socket`)
        if (source.kind === 'keys' && stats.isDirectory()) throw unusable(id, `${path} is a folder`)
      }
    }
  }

  /** Absolute path of the agent's socket, which may be too long to be an address. `undefined`: there is none of this id.
   *  @throws {BuildError} `OPTION_INVALID` for a key that cannot be used, and where ssh-agent is not installed */
  async find(id: string): Promise<string | undefined> {
    const source = this.#sources.get(id)
    if (source === undefined || source.kind === 'socket') return source?.path
    const starting = this.#started.get(id) ?? startAgent(id, source.paths, this.#folder, `agent-${this.#started.size}`)
    this.#started.set(id, starting)
    return (await starting).socket
  }

  /** The same for programs of this machine, as an address, as long as this process lives. */
  async findAddress(id: string): Promise<string | undefined> {
    const longest = 107
    const socket = await this.find(id)
    // One that the caller has named is short enough, or of no use to anybody.
    if (socket === undefined || this.#sources.get(id)?.kind === 'socket' || Buffer.byteLength(socket) <= longest)
      return socket
    this.#folderFd ??= openSync(dirname(socket), 'r')
    return `/proc/${process.pid}/fd/${this.#folderFd}/${basename(socket)}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folderFd !== undefined) closeSync(this.#folderFd)
    for (const starting of this.#started.values()) await starting.then(endAgent, () => undefined)
  }
}

interface OwnAgent {
  readonly socket: string
  readonly guard: ChildProcess
}

/** Ends the agent when nobody holds its standard input any more: also when we are killed. */
const guardScript =
  'command -v ssh-agent >/dev/null || exit 127; ssh-agent -D -a "$0" >/dev/null & read -r _; kill $!; wait $!'

async function startAgent(id: string, keys: readonly string[], folder: string, name: string): Promise<OwnAgent> {
  // By a relative name: addresses of sockets are short. In a group of its own: Ctrl-C is for us, who end things in order.
  const guard = spawn('sh', ['-c', guardScript, name], {
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const complaints = text(guard.stderr)
  const agent = { socket: join(folder, name), guard }
  guard.stdin.on('error', () => undefined) // it may have ended
  try {
    while (!existsSync(agent.socket)) {
      if (guard.exitCode === 127) throw notInstalled(id)
      if (guard.exitCode !== null) throw unusable(id, `ssh-agent does not start: ${(await complaints).trim()}`)
      await sleep(5)
    }
    for (const key of keys) await addKey(id, key, folder, name)
    return agent
  } catch (error) {
    await endAgent(agent)
    throw error
  }
}

/** The key goes through a pipe, so that its file may belong to whoever it likes. */
async function addKey(id: string, key: string, folder: string, socket: string): Promise<void> {
  const child = spawn('ssh-add', ['-q', '-'], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
    // No key may ask for its passphrase: there is nobody to answer.
    env: { PATH: process.env['PATH'], SSH_AUTH_SOCK: socket, SSH_ASKPASS: '/bin/false', SSH_ASKPASS_REQUIRE: 'force' },
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(await readFile(key))
  const [[code], complaints] = await Promise.all([once(child, 'exit') as Promise<[number | null]>, text(child.stderr)])
  if (code === 0) return
  const words = complaints.trim()
  throw new BuildError(
    'OPTION_INVALID',
    `Cannot add the key ${key} to the ssh agent ${JSON.stringify(id)}${words && `: ${words}`}`,
    {
      hint: 'A key with a passphrase has to be added to an agent of your own, with ssh-add: then give that one with --ssh default.',
    },
  )
}

async function endAgent({ guard }: OwnAgent): Promise<void> {
  if (guard.exitCode !== null || guard.signalCode !== null) return
  const ended = once(guard, 'exit')
  guard.stdin?.end()
  await ended
}

function unusable(id: string, why: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot use the ssh agent ${JSON.stringify(id)}: ${why}`)
}

function notInstalled(id: string): BuildError {
  return new BuildError(
    'OPTION_INVALID',
    `Cannot make the ssh agent ${JSON.stringify(id)}: ssh-agent is not installed`,
    {
      hint: 'Install it (Debian: openssh-client), or give the socket of an agent that runs elsewhere.',
    },
  )
}
