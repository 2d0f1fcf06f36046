import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { isErrno, makeNode, setFileTimes } from '../../linux/index.ts'
import { entryOfStats } from '../../tree/stat-entry.ts'
import type { SandboxMount, SandboxProcess } from '../sandbox.ts'
import { deviceLinks, deviceNodes } from '../view.ts'
import { copyAttributes, copyDirectory } from './copy-directory.ts'
import { putRealMount } from './real-mount.ts'
import { shareDirectory } from './shared-directory.ts'

/** What mounts would show, put into the root itself for the time of one process. Disposing takes it out again, and puts back what was there, so that the
 *  root holds the process's own changes and nothing else. */
export type StandIns = Disposable

/** @param mayMount whether mounts can be had, so that just /dev needs a stand-in
 *  @throws {Error} of `node:fs`; nothing is left in the root then. */
export function placeStandIns(process: SandboxProcess, mayMount: boolean): StandIns {
  const undo: (() => void)[] = []
  const times = new DirectoryTimes()
  const takeOut = (): void => {
    times.look()
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) step()
    times.restore()
  }
  const place = (target: string, put: (path: string) => () => void): void => {
    const path = join(process.root, target)
    const number = undo.length
    mkdirSync(dirname(path), { recursive: true }) // the stand-in of /dev lacks what the caller made in the directory itself
    times.keep(dirname(path))
    undo.push(setAside(path, [join(process.scratch, `aside-${number}`), join(process.root, `.stave-aside-${number}`)]))
    undo.push(put(path))
  }
  try {
    place('/dev', putDevices)
    for (const mount of process.mounts) {
      if (mayMount) undo.push(putRealMount(process.root, mount))
      else place(mount.target, (path) => putMount(path, mount))
    }
  } catch (error) {
    takeOut()
    throw error
  }
  times.placed()
  return { [Symbol.dispose]: takeOut }
}

/** Times of the directories that we put something into. They stay as the process leaves them: what we do to them does not show. */
class DirectoryTimes {
  readonly #before = new Map<string, bigint>()
  readonly #placed = new Map<string, bigint>()
  readonly #final = new Map<string, bigint>()

  keep(directory: string): void {
    if (!this.#before.has(directory)) this.#before.set(directory, modifiedNs(directory))
  }

  placed(): void {
    for (const directory of this.#before.keys()) this.#placed.set(directory, modifiedNs(directory))
  }

  /** Before anything is taken out: has the process changed it? */
  look(): void {
    for (const [directory, before] of this.#before) {
      if (!existsSync(directory)) continue
      const now = modifiedNs(directory)
      this.#final.set(directory, now === (this.#placed.get(directory) ?? now) ? before : now)
    }
  }

  restore(): void {
    for (const [directory, timeNs] of this.#final) if (existsSync(directory)) setFileTimes(directory, timeNs)
  }
}

function modifiedNs(directory: string): bigint {
  return lstatSync(directory, { bigint: true }).mtimeNs
}

/** Renames what is there out of the way: to the first of the places that is on the same file system. */
function setAside(path: string, places: readonly string[]): () => void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return () => undefined
  for (const place of places) {
    try {
      renameSync(path, place)
      return () => renameSync(place, path)
    } catch (error) {
      if (!isErrno(error, 'EXDEV')) throw error
    }
  }
  throw new Error(`cannot set ${path} aside`)
}

function putMount(path: string, mount: SandboxMount): () => void {
  const remove = (): void => rmSync(path, { recursive: true, force: true })
  switch (mount.kind) {
    case 'tmpfs':
      mkdirSync(path)
      chmodSync(path, mount.mode)
      return remove
    case 'bind':
      if (isDevice(mount.source)) {
        copyDevice(mount.source, path)
        return remove
      }
      if (lstatSync(mount.source).isSocket()) {
        linkSync(mount.source, path)
        return remove
      }
      if (!lstatSync(mount.source).isDirectory()) {
        copyFileSync(mount.source, path)
        copyAttributes(mount.source, path)
        return remove
      }
      if (!mount.readOnly) return shareDirectory(mount.source, path)
      copyDirectory(mount.source, path)
      return remove
    default:
      return mount satisfies never
  }
}

/** A /dev with what can be had. Its devices may be refused; then a program that wants one fails. */
function putDevices(path: string): () => void {
  mkdirSync(path)
  chmodSync(path, 0o755)
  for (const { name, major, minor } of deviceNodes) putDevice(join(path, name), major, minor)
  for (const [name, target] of deviceLinks) if (name !== 'ptmx') symlinkSync(target, join(path, name))
  for (const name of ['shm', 'mqueue']) {
    mkdirSync(join(path, name))
    chmodSync(join(path, name), 0o1777)
  }
  return () => rmSync(path, { recursive: true, force: true })
}

function putDevice(path: string, major: number, minor: number): void {
  try {
    makeNode(path, 'character-device', major, minor)
    chmodSync(path, 0o666)
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error
  }
}

function isDevice(path: string): boolean {
  const stats = lstatSync(path)
  return stats.isCharacterDevice() || stats.isBlockDevice()
}

function copyDevice(source: string, path: string): void {
  const { type, deviceMajor, deviceMinor } = entryOfStats(lstatSync(source, { bigint: true }))
  makeNode(path, type === 'block-device' ? type : 'character-device', deviceMajor, deviceMinor)
  copyAttributes(source, path)
}
