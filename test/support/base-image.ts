import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync, chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'

const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')

/** Makes an OCI layout with one small image, `base`, in two layers, by means of umoci: busybox, accounts, some files and links.
 *  @returns the layout's path */
export function makeBaseLayout(folder: string): string {
  const layout = join(folder, 'base-layout')
  const bundle = join(folder, 'base-bundle')
  const umoci = (...args: readonly string[]): void => {
    execFileSync('umoci', args, { stdio: 'pipe' })
  }
  umoci('init', '--layout', layout)
  umoci('new', '--image', `${layout}:base`)
  umoci('unpack', '--image', `${layout}:base`, bundle)
  fillRoot(join(bundle, 'rootfs'))
  umoci('repack', '--refresh-bundle', '--image', `${layout}:base`, bundle)
  writeFileSync(join(bundle, 'rootfs/etc/motd'), 'second layer\n')
  umoci('repack', '--image', `${layout}:base`, bundle)
  umoci(
    'config',
    '--image',
    `${layout}:base`,
    '--config.env',
    'PATH=/bin:/usr/bin',
    '--config.cmd',
    '/bin/sh',
    '--config.label',
    'from=base',
  )
  execFileSync('rm', ['-rf', bundle])
  return layout
}

/** Fills a folder with the root file system of a small Linux. */
export function fillRoot(root: string): void {
  for (const path of ['bin', 'usr/bin', 'usr/lib', 'etc', 'tmp', 'root', 'var/lib', 'dev', 'proc', 'sys'])
    mkdirSync(join(root, path), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o1777)
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  for (const applet of applets) {
    const path = join(root, 'bin', applet)
    if (applet !== 'busybox' && !existsSync(path)) symlinkSync('busybox', path)
  }
  symlinkSync('usr/lib', join(root, 'lib'))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\napp:x:1001:\nextra:x:2000:app\n')
}
