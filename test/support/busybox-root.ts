import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Makes a small root file system in an empty folder: a shell with the usual tools, all one program. */
export function makeBusyboxRoot(folder: string): void {
  chmodSync(folder, 0o755)
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'work'])
    mkdirSync(join(folder, name))
  chmodSync(join(folder, 'tmp'), 0o1777)
  copyFileSync('/bin/busybox', join(folder, 'bin', 'busybox'))
  chmodSync(join(folder, 'bin', 'busybox'), 0o755)
  const tools = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')
  for (const tool of tools) if (tool !== 'busybox') symlinkSync('busybox', join(folder, 'bin', tool))
  writeFileSync(join(folder, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\nbuilder:x:1000:1000::/work:/bin/sh\n')
  writeFileSync(join(folder, 'etc', 'group'), 'root:x:0:\nbuilder:x:1000:\n')
}

/** Gives a tree to a user, links themselves included. */
export function giveTo(folder: string, uid: number): void {
  chownSync(folder, uid, uid)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) giveTo(path, uid)
    else lchownSync(path, uid, uid)
  }
}
