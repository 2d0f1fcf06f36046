import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What is at a path and below it, a member for each entry: `f 644 0:0 content` for a file, `d 755 0:0`, `l 0:0 -> target`, `p`, `c` and `b` for a
 *  pipe and devices. Folders named in `except`, and all below them, are left out. */
export function look(root: string, except: readonly string[] = []): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  const visit = (path: string): void => {
    for (const name of readdirSync(join(root, path))) {
      const child = path === '' ? name : `${path}/${name}`
      if (except.includes(child)) continue
      found[child] = lookAt(join(root, child))
      if (found[child].startsWith('d')) visit(child)
    }
  }
  visit('')
  return found
}

export function lookAt(path: string): string {
  const stats = lstatSync(path)
  const owner = `${stats.uid}:${stats.gid}`
  const mode = (stats.mode & 0o7777).toString(8)
  if (stats.isSymbolicLink()) return `l ${owner} -> ${readlinkSync(path)}`
  if (stats.isDirectory()) return `d ${mode} ${owner}`
  if (stats.isFIFO()) return `p ${mode} ${owner}`
  if (stats.isCharacterDevice()) return `c ${mode} ${owner}`
  if (stats.isBlockDevice()) return `b ${mode} ${owner}`
  return `f ${mode} ${owner} ${readFileSync(path, 'utf8')}`
}
