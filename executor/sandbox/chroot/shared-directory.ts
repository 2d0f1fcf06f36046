import { randomBytes } from 'node:crypto'
import { cpSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isErrno, setFileTimes } from '../../linux/index.ts'
import { copyAttributes, copyDirectory } from './copy-directory.ts'

/** Shows a directory that outlives the process as a copy made of hard links. When the process has ended, the copy takes the original's place: until then the
 *  original has all that it had, should we be killed. Of two that share it the later one's files stay.
 *  @returns what ends it */
export function shareDirectory(source: string, path: string): () => void {
  try {
    linkDirectory(source, path)
  } catch (error) {
    if (!isErrno(error, 'EXDEV', 'EMLINK', 'EPERM')) throw error
    rmSync(path, { recursive: true, force: true })
    copyDirectory(source, path)
  }
  return () => replaceDirectory(source, path)
}

function linkDirectory(source: string, path: string): void {
  mkdirSync(path)
  for (const { name, isDirectory } of entriesOf(source)) {
    if (isDirectory) linkDirectory(join(source, name), join(path, name))
    else linkSync(join(source, name), join(path, name))
  }
  copyAttributes(source, path)
  setFileTimes(path, lstatSync(source, { bigint: true }).mtimeNs)
}

function entriesOf(folder: string): readonly { readonly name: string; readonly isDirectory: boolean }[] {
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    isDirectory: entry.isDirectory(),
  }))
}

/** Whoever finds the original missing finds one of these two beside it. */
function replaceDirectory(original: string, replacement: string): void {
  const suffix = randomBytes(8).toString('hex')
  const [next, old] = [`${original}.next-${suffix}`, `${original}.old-${suffix}`]
  moveDirectory(replacement, next)
  for (;;) {
    if (lstatSync(original, { throwIfNoEntry: false }) !== undefined) moveAway(original, old)
    if (isMoved(next, original)) break
    rmSync(old, { recursive: true, force: true })
  }
  rmSync(old, { recursive: true, force: true })
}

function moveDirectory(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!isErrno(error, 'EXDEV')) throw error
    cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    rmSync(from, { recursive: true, force: true })
  }
}

/** Others who share the directory may be quicker. */
function moveAway(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}

function isMoved(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error
    return false
  }
}
