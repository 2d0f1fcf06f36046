import { closeSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs'
import { posix } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { isErrno } from '../linux/index.ts'
import type { SandboxProcess } from './sandbox.ts'

export interface FoundCommand {
  /** As the process sees it. Not free of links: a program may look at the name it was called by. */
  readonly path: string
  /** Why the kernel may refuse it all the same, as a clause; `undefined` if there is no reason to think so. */
  readonly doubt: string | undefined
}

type LookedAt = Pick<SandboxProcess, 'root' | 'mounts' | 'argv' | 'env' | 'cwd' | 'uid' | 'gid' | 'groups'>

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Finds the program that `argv[0]` means, as execvp(3) would inside the root, and what it needs to start: the interpreter of a script, the loader of
 *  a dynamic program.
 *  @throws {BuildError} `RUN_COMMAND_NOT_FOUND`
 *  @see https://man7.org/linux/man-pages/man3/exec.3.html */
export function findCommand(process: LookedAt): FoundCommand {
  const [name = ''] = process.argv
  if ([...process.argv, ...process.env].some((text) => text.includes('\0')))
    throw notFound(name, 'its arguments or variables hold a zero byte, which no program can be given')
  const candidates = name.includes('/')
    ? [posix.resolve(process.cwd, name)]
    : name === ''
      ? []
      : inSearchPath(name, process)
  let reason: string | undefined
  for (const path of candidates) {
    const verdict = inspect(path, process)
    if (verdict.kind === 'runs') return { path, doubt: verdict.doubt }
    if (verdict.kind === 'cannot') reason ??= verdict.reason
  }
  throw notFound(
    name,
    reason ?? (name.includes('/') ? 'the image has no such file' : 'no directory of PATH has such a file'),
  )
}

/** @param reason a clause: `the image has no such file` */
export function notFound(command: string, reason: string): BuildError {
  const shell = command === '/bin/sh' ? ' An image made FROM scratch has no shell.' : ''
  return new BuildError('RUN_COMMAND_NOT_FOUND', `Cannot run ${JSON.stringify(command)}: ${reason}`, {
    hint: `The command is looked for inside the image, not on this machine.${shell}`,
  })
}

function inSearchPath(name: string, { env, cwd }: LookedAt): readonly string[] {
  const prefix = 'PATH='
  const path = env.findLast((entry) => entry.startsWith(prefix))?.slice(prefix.length) ?? defaultPath
  // An empty part means the current directory.
  return path.split(':').map((directory) => posix.join(posix.resolve(cwd, directory), name))
}

type Verdict =
  | { readonly kind: 'absent' }
  | { readonly kind: 'cannot'; readonly reason: string }
  | { readonly kind: 'runs'; readonly doubt: string | undefined }

function inspect(path: string, process: LookedAt): Verdict {
  const place = resolveInside(path, process)
  if (place === 'hidden') return { kind: 'runs', doubt: undefined }
  if (place === undefined) return { kind: 'absent' }
  const { hostPath, stats } = place
  if (stats.isDirectory()) return { kind: 'cannot', reason: 'it is a directory' }
  if (!stats.isFile()) return { kind: 'cannot', reason: 'it is no regular file' }
  if (!mayExecute(stats, process)) return { kind: 'cannot', reason: 'it is not executable' }
  return inspectFormat(readStart(hostPath), process)
}

function mayExecute({ mode, uid, gid }: Stats, process: LookedAt): boolean {
  if (process.uid === 0) return (mode & 0o111) !== 0
  if (process.uid === uid) return (mode & 0o100) !== 0
  if (process.gid === gid || process.groups.includes(gid)) return (mode & 0o010) !== 0
  return (mode & 0o001) !== 0
}

function inspectFormat(start: Buffer, process: LookedAt): Verdict {
  if (start.toString('latin1', 0, 2) === '#!') return needs(scriptInterpreter(start), process)
  if (start.toString('latin1', 0, 4) !== '\x7fELF')
    return { kind: 'runs', doubt: 'it is no program this machine knows' }
  const machine = elfMachine(start)
  if (machine !== undefined && !machine.runsHere) return { kind: 'runs', doubt: `it is a program for ${machine.name}` }
  return needs(elfInterpreter(start), process)
}

function needs(interpreter: string | undefined, process: LookedAt): Verdict {
  // Relative ones are odd, but the kernel takes them.
  if (interpreter === undefined || !interpreter.startsWith('/')) return { kind: 'runs', doubt: undefined }
  if (resolveInside(interpreter, process) !== undefined) return { kind: 'runs', doubt: undefined }
  return { kind: 'cannot', reason: `it needs ${interpreter}, which the image does not have` }
}

/** The kernel reads this much of a script's first line, and the headers of a program fit too. */
const startBytes = 4096

function readStart(hostPath: string): Buffer {
  const fd = openSync(hostPath, 'r')
  try {
    const start = Buffer.alloc(startBytes)
    return start.subarray(0, readSync(fd, start, 0, startBytes, 0))
  } finally {
    closeSync(fd)
  }
}

function scriptInterpreter(start: Buffer): string | undefined {
  const line = start.toString('utf8', 2).split('\n', 1)[0] ?? ''
  return line.trim().split(/[ \t]/, 1)[0]
}

/** `e_machine` of what stave builds for, and what the machine of that name runs.
 *  @see https://man7.org/linux/man-pages/man5/elf.5.html */
const elfMachines: ReadonlyMap<number, { readonly name: string; readonly runsOn: readonly string[] }> = new Map([
  [3, { name: '386', runsOn: ['x64', 'ia32'] }],
  [40, { name: 'arm', runsOn: ['arm', 'arm64'] }],
  [62, { name: 'amd64', runsOn: ['x64'] }],
  [183, { name: 'arm64', runsOn: ['arm64'] }],
  [243, { name: 'riscv64', runsOn: ['riscv64'] }],
  [21, { name: 'ppc64le', runsOn: ['ppc64'] }],
  [22, { name: 's390x', runsOn: ['s390x'] }],
  [258, { name: 'loong64', runsOn: ['loong64'] }],
])

function elfMachine(start: Buffer): { readonly name: string; readonly runsHere: boolean } | undefined {
  if (start.length < 20) return undefined
  const littleEndian = start[5] === 1
  const machine = elfMachines.get(littleEndian ? start.readUInt16LE(18) : start.readUInt16BE(18))
  return machine && { name: machine.name, runsHere: machine.runsOn.includes(globalThis.process.arch) }
}

/** The loader that a dynamic program asks for; `undefined` for a static one, or where the headers are not at the start of the file. */
function elfInterpreter(start: Buffer): string | undefined {
  const is64 = start[4] === 2
  if (start.length < 64 || start[5] !== 1) return undefined
  const read = (offset: number): number => (is64 ? Number(start.readBigUInt64LE(offset)) : start.readUInt32LE(offset))
  const tableOffset = read(is64 ? 32 : 28)
  const [entryBytes, count] = [start.readUInt16LE(is64 ? 54 : 42), start.readUInt16LE(is64 ? 56 : 44)]
  const interpreterType = 3
  for (let index = 0; index < count; index++) {
    const entry = tableOffset + index * entryBytes
    if (entry + 56 > start.length) return undefined
    if (start.readUInt32LE(entry) !== interpreterType) continue
    const offset = read(entry + (is64 ? 8 : 4))
    const sizeBytes = read(entry + (is64 ? 32 : 16))
    return offset + sizeBytes > start.length ? undefined : start.toString('utf8', offset, offset + sizeBytes - 1)
  }
  return undefined
}

interface Place {
  readonly hostPath: string
  readonly stats: Stats
}

/** Follows a path the way the process would: links inside the root, and into what is mounted there. `undefined`: nothing is there; `hidden`:
 *  below a mount of the sandbox's own, where we cannot look. */
function resolveInside(path: string, process: LookedAt): Place | 'hidden' | undefined {
  const open = path.split('/').reverse()
  const longestChain = 40
  let links = 0
  let at = '/'
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const next = posix.resolve(at, part)
    const hostPath = hostPathOf(next, process)
    if (hostPath === undefined) return 'hidden'
    const stats = statsOf(hostPath)
    if (stats === undefined) return undefined
    if (!stats.isSymbolicLink()) at = next
    else if (++links > longestChain) return undefined
    else {
      const target = readlinkSync(hostPath)
      if (target.startsWith('/')) at = '/'
      open.push(...target.split('/').reverse())
    }
  }
  const hostPath = hostPathOf(at, process)
  const stats = hostPath === undefined ? undefined : statsOf(hostPath)
  return hostPath === undefined || stats === undefined ? undefined : { hostPath, stats }
}

function hostPathOf(path: string, { root, mounts }: LookedAt): string | undefined {
  const mount = mounts
    .filter(({ target }) => isWithin(path, target))
    .sort((a, b) => a.target.length - b.target.length)
    .at(-1)
  if (mount?.kind === 'bind') return posix.join(mount.source, path.slice(mount.target.length))
  if (mount !== undefined || ['/proc', '/sys', '/dev'].some((own) => isWithin(path, own))) return undefined
  return posix.join(root, path)
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

function statsOf(hostPath: string): Stats | undefined {
  try {
    return lstatSync(hostPath, { throwIfNoEntry: false })
  } catch (error) {
    if (isErrno(error, 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined
    throw error
  }
}
