import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** A line for each entry below the folder, as find(1), sha256sum(1) and getfattr(1) see it: path, type, mode, owner, link target, size of
 *  a file; the digests of all files; extended attributes. Sorted. */
export function describeTree(folder: string): readonly string[] {
  const find = run(folder, 'find', ['.', '-mindepth', '1', '-printf', '%P %y %m %U:%G %l\n'])
  const digests = run(folder, 'sh', ['-c', 'find . -type f -print0 | xargs -0 -r sha256sum'])
  const links = run(folder, 'sh', [
    '-c',
    'find . -type f -links +1 -printf "%i %P\\n" | sort | awk \'{ if ($1 == last) print "same file: " first " " $2; else { last = $1; first = $2 } }\'',
  ])
  const attributes = run(folder, 'sh', ['-c', "getfattr -R -h -d -m '^(user|security)' -e hex . 2>/dev/null || true"])
  return [...find, ...digests, ...links, ...attributes].filter((line) => line !== '').sort()
}

/** Unpacks an image of an OCI layout with umoci.
 *  @returns the root file system's folder */
export function unpackWithUmoci(layout: string, tag: string, folder: string): string {
  mkdirSync(folder, { recursive: true })
  const bundle = join(folder, 'bundle')
  execFileSync('umoci', ['unpack', '--image', `${layout}:${tag}`, bundle], { stdio: 'pipe' })
  return join(bundle, 'rootfs')
}

function run(cwd: string, command: string, args: readonly string[]): readonly string[] {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C' },
  }).split('\n')
}
