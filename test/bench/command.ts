import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import type { PeakMemory } from './peak-memory.ts'

/** A program with its arguments. */
export interface Command {
  readonly argv: readonly [string, ...string[]]
  /** Variables beside our own. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A command line for `sh`. */
export function shell(line: string, cwd?: string): Command {
  return { argv: ['sh', '-euc', line], ...(cwd === undefined ? {} : { cwd }) }
}

/** Runs a command to its end.
 *  @param memory watches it, if given
 *  @returns what it wrote to its standard output
 *  @throws {Error} with the last that it wrote to standard error, if it fails */
export async function run({ argv: [program, ...args], env, cwd }: Command, memory?: PeakMemory): Promise<string> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  if (child.pid !== undefined) memory?.watch(child.pid)
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${basename(program)} ended with status ${status}: ${lastLines(stderr)}`)
  return stdout
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join(' ')
}

/** Runs commands one after the other.
 *  @returns milliseconds until the last one's end */
export async function time(commands: readonly Command[], memory?: PeakMemory): Promise<number> {
  const began = performance.now()
  for (const command of commands) await run(command, memory)
  return performance.now() - began
}
