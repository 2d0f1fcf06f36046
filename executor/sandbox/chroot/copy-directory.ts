import { chmodSync, cpSync, lchownSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Copies a directory to where nothing is yet, with modes, times and owners. */
export function copyDirectory(source: string, path: string): void {
  cpSync(source, path, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true, dereference: false })
  copyOwners(source, path)
}

/** Owner and mode, for anything but a link. */
export function copyAttributes(source: string, path: string): void {
  const { uid, gid, mode } = lstatSync(source)
  lchownSync(path, uid, gid)
  chmodSync(path, mode & 0o7777)
}

function copyOwners(source: string, path: string): void {
  const { uid, gid } = lstatSync(source)
  lchownSync(path, uid, gid)
  if (!lstatSync(source).isDirectory()) return
  for (const name of readdirSync(source)) copyOwners(join(source, name), join(path, name))
}
