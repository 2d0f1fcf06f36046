import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { archiveInvalid } from './archive-invalid.ts'
import { through } from './through.ts'

export type Program = ChildProcessByStdio<Writable, Readable, Readable>

/** Starts `<name> -dc`, which decompresses its standard input. `undefined`: no such program is installed. */
export async function startDecompressor(name: string): Promise<Program | undefined> {
  const program = spawn(name, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] })
  try {
    await once(program, 'spawn')
    return program
  } catch {
    return undefined
  }
}

/** @throws {BuildError} `ARCHIVE_INVALID` when the program says so */
export async function* throughProgram(source: AsyncIterable<Uint8Array>, program: Program): AsyncGenerator<Uint8Array> {
  let complaint = ''
  program.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(0, 500)))
  const exit = once(program, 'close')
  try {
    yield* through(source, { input: program.stdin, output: program.stdout })
    const [code] = (await exit) as [number | null]
    if (code !== 0) throw archiveInvalid(complaint.trim().split('\n')[0] ?? '')
  } finally {
    program.kill('SIGKILL')
  }
}
