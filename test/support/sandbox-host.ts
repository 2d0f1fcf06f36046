import { readdirSync, readFileSync } from 'node:fs'
import { openSandbox, type IsolationName, type Sandbox, type SandboxProcess } from '../../executor/sandbox/index.ts'
import type { Call } from './in-namespaces.ts'

let sandbox: Sandbox | undefined

/** What runs beside the test, in namespaces: see `remote-sandbox.ts`. */
export async function open(
  requested: 'auto' | IsolationName,
  searchPath: string | undefined,
): Promise<{ readonly name: string; readonly fallbackReason: string | undefined }> {
  sandbox = await openSandbox(requested, { searchPath, openFiles: 1000 })
  return { name: sandbox.name, fallbackReason: sandbox.fallbackReason }
}

export function run(process: SandboxProcess, { emit, signal }: Call): Promise<unknown> {
  if (sandbox === undefined) throw new Error('no sandbox is open')
  const onOutput = (stream: string, chunk: Uint8Array): void => {
    emit({ stream, chunk: Buffer.from(chunk).toString('base64') })
  }
  return sandbox.run(process, { signal, onOutput })
}

export async function close(): Promise<void> {
  await sandbox?.[Symbol.asyncDispose]()
  sandbox = undefined
}

/** Every mount, process and open descriptor of this namespace: what is there more after a run than before it was left behind. */
export function inventory(): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) => `mount ${line.split(' ')[4] ?? ''}`)
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `process ${pid} ${commandOf(pid)}`)
  const descriptors = [`descriptors ${readdirSync('/proc/self/fd').length}`]
  return [...mounts, ...processes, ...descriptors].sort()
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return '(gone)'
  }
}
