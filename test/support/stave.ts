import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync, chmodSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** The command as it is shipped. */
export const executable = join(repository, 'dist/bin.cjs')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StaveOptions {
  /** Folder of the store. */
  readonly store: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Put before the command: `setpriv …`. */
  readonly prefix?: readonly string[]
  /** What it finds on its standard input; by default nothing, not even a pipe. */
  readonly input?: string | Uint8Array
  /** Its standard input is a pipe on which nothing comes. */
  readonly openInput?: boolean
}

/** Runs the command as it is shipped. */
export async function stave(args: readonly string[], options: StaveOptions): Promise<Finished> {
  return finished(startStave(args, options))
}

/** As `stave()`; the caller waits for its end. */
export function startStave(
  args: readonly string[],
  { store, cwd, env, prefix = [], input, openInput = false }: StaveOptions,
): ChildProcess {
  const [command = '', ...words] = [...prefix, process.execPath, executable, ...args]
  const child = spawn(command, words, {
    cwd,
    env: { ...process.env, STAVE_HOME: store, ...env },
    stdio: [input === undefined && !openInput ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.on('error', () => undefined) // it may end before it has read all
  if (!openInput) child.stdin?.end(input)
  return child
}

export async function finished(child: ChildProcess): Promise<Finished> {
  const texts = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...texts }
}

/** Once the command's progress shows the text, or it has ended. `finished()` comes first: it sets the encoding. */
export function untilItSays(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve) => {
    child.stderr?.on('data', (said: string) => {
      if (said.includes(text)) resolve()
    })
    child.once('exit', () => resolve())
  })
}

/** Builds, and fails the test with the build's own words when that fails.
 *  @returns the digest that the command printed */
export async function build(args: readonly string[], options: StaveOptions): Promise<string> {
  const { code, stdout, stderr } = await stave(['build', '--progress=plain', ...args], options)
  if (code !== 0) throw new Error(`the build ended with status ${code}:\n${stderr}`)
  return stdout.trim()
}

/** Files by path; a path that ends with `/` is a folder, and an array gives the mode beside the content. */
export type Files = Readonly<Record<string, string | readonly [content: string, mode: number]>>

/** Fills a folder, made when it is missing. */
export function writeFiles(folder: string, files: Files): string {
  mkdirSync(folder, { recursive: true })
  for (const [path, file] of Object.entries(files)) {
    const place = join(folder, path)
    mkdirSync(path.endsWith('/') ? place : dirname(place), { recursive: true })
    if (path.endsWith('/')) continue
    const [content, mode] = typeof file === 'string' ? [file, 0o644] : file
    rmSync(place, { force: true })
    writeFileSync(place, content)
    chmodSync(place, mode)
  }
  return folder
}

/** The steps that were taken from the cache, by their names. */
export function cachedSteps(stderr: string): readonly string[] {
  return stepsThat(stderr, /^#(\d+) CACHED$/gm)
}

/** The steps that were carried out. */
export function doneSteps(stderr: string): readonly string[] {
  return stepsThat(stderr, /^#(\d+) DONE /gm)
}

function stepsThat(stderr: string, pattern: RegExp): readonly string[] {
  const names = new Map([...stderr.matchAll(/^#(\d+) (\[.*)$/gm)].map(([, number, name]) => [number, name]))
  return [...stderr.matchAll(pattern)]
    .map(([, number]) => names.get(number))
    .filter((name): name is string => name !== undefined && !name.startsWith('[internal]'))
}
