import { chmodSync, closeSync, fstatSync, lstatSync, mkdirSync, openSync, symlinkSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import {
  addMountAttributes,
  attachMount,
  cloneMount,
  createMount,
  isErrno,
  makeNode,
  mount,
  mountAttributes,
  mountFlags,
  pivotRoot,
  unmount,
  type FileSystemOption,
} from '../../linux/index.ts'
import type { SandboxMount } from '../sandbox.ts'
import { deviceLinks, type MountOption, type SystemMount } from '../view.ts'
import type { Confinement, DevicePlan } from './launch-request.ts'

type View = Extract<Confinement, { kind: 'namespaces' }>

/** Makes the root the root of this process's mount namespace, which must be its own, and mounts what belongs into it. What comes from outside is picked up first;
 *  everything is attached from within, so that a link in a hostile image leads nowhere but into itself.
 *  @throws {LinuxError} */
export function mountView(root: string, view: View): void {
  mount({ target: '/', flags: mountFlags.private | mountFlags.recursive })
  const binds = view.mounts.map((wanted) => ({
    wanted,
    fd: wanted.kind === 'bind' ? pickUp(wanted.source) : undefined,
  }))
  const devices = view.devices.map((device) => ({ device, fd: outsideDevice(device) }))
  const system = view.systemMounts.map((wanted) => ({
    wanted,
    fd: wanted.type === 'bind' ? pickUp(wanted.target) : createSystemMount(wanted),
  }))
  enterRoot(root)
  for (const { wanted, fd } of system) {
    if (wanted.target !== '/proc' && wanted.target !== '/sys' && wanted.target !== '/dev')
      ensureDirectory(wanted.target)
    attach(fd, wanted.target, wanted.type === 'bind' ? wanted.options : [])
    if (wanted.target === '/dev') fillDevices(devices)
  }
  for (const { wanted, fd } of binds) mountWanted(wanted, fd)
  for (const path of view.readOnlyPaths) if (exists(path)) attach(cloneMount(path, 'recursive'), path, ['ro'])
  for (const path of view.maskedPaths) mask(path)
}

function pickUp(path: string): number {
  return cloneMount(path, 'recursive')
}

function outsideDevice({ name, source }: DevicePlan): number | undefined {
  return source.kind === 'bind' ? cloneMount(`/dev/${name}`, 'one') : undefined
}

function enterRoot(root: string): void {
  mount({ source: root, target: root, flags: mountFlags.bind | mountFlags.recursive })
  process.chdir(root)
  // The old root lands on top of the new one, and goes with all that hangs on it.
  pivotRoot('.', '.')
  unmount('.', 'lazy')
  process.chdir('/')
}

const flagOf: Readonly<Record<MountOption, number>> = {
  ro: mountFlags.readOnly,
  nosuid: mountFlags.noSuid,
  nodev: mountFlags.noDev,
  noexec: mountFlags.noExec,
  strictatime: mountFlags.strictAtime,
}

const attributeOf: Readonly<Record<MountOption, number>> = {
  ro: mountAttributes.readOnly,
  nosuid: mountAttributes.noSuid,
  nodev: mountAttributes.noDev,
  noexec: mountAttributes.noExec,
  strictatime: mountAttributes.strictAtime,
}

/** Before the root is entered: in a user namespace the kernel gives a /proc or /sys only to who can see one. */
function createSystemMount({ target, type, options, data }: SystemMount): number {
  const source = target === '/dev/shm' ? 'shm' : type
  return createMount({
    type,
    options: [['source', source], ...data.map((option) => optionOf(option))],
    attributes: options.reduce((sum, option) => sum | attributeOf[option], 0),
  })
}

function optionOf(text: string): FileSystemOption {
  const [name = '', value] = text.split('=', 2)
  return value === undefined ? [name] : [name, value]
}

/** Attaches a detached mount, with everything that is mounted below it, and takes these rights from all of it. */
function attach(fd: number, target: string, options: readonly MountOption[]): void {
  refuseLink(target)
  const attributes = options.reduce((sum, option) => sum | attributeOf[option], 0)
  if (attributes !== 0) {
    try {
      addMountAttributes(fd, attributes, 'recursive')
    } catch (error) {
      // Before Linux 5.12 a mount changes only by being mounted again, one at a time.
      if (!isErrno(error, 'ENOSYS')) throw error
      attachMount(fd, target)
      const flags = options.reduce((sum, option) => sum | flagOf[option], mountFlags.bind | mountFlags.remount)
      mount({ target, flags })
      return
    }
  }
  attachMount(fd, target)
}

/** Whoever made the places to mount on has resolved links. One that is still here appeared by itself. */
function refuseLink(target: string): void {
  if (statsOf(target)?.isSymbolicLink() === true) throw new Error(`${target} of the image is a symbolic link`)
}

function mountWanted(wanted: SandboxMount, fd: number | undefined): void {
  switch (wanted.kind) {
    case 'bind': {
      const options: readonly MountOption[] = [
        ...(wanted.readOnly ? (['ro'] as const) : []),
        ...(wanted.hardened ? (['nosuid', 'nodev'] as const) : []),
        ...(wanted.noExec ? (['noexec'] as const) : []),
      ]
      if (fd === undefined) throw new Error('a bind mount was not picked up')
      ensurePlace(wanted.target, fd)
      attach(fd, wanted.target, options)
      break
    }
    case 'tmpfs': {
      refuseLink(wanted.target)
      const size = wanted.sizeBytes === undefined ? [] : [`size=${wanted.sizeBytes}`]
      const options = [`mode=${wanted.mode.toString(8)}`, ...size].join(',')
      ensureDirectory(wanted.target)
      mount({ source: 'tmpfs', target: wanted.target, type: 'tmpfs', flags: mountFlags.noSuid, options })
      break
    }
    default:
      wanted satisfies never
  }
}

/** Below /dev, which is fresh, nobody else could make the place. */
function ensurePlace(target: string, fd: number): void {
  if (!target.startsWith('/dev/') || exists(target)) return
  ensureDirectory(dirname(target))
  if (fstatSync(fd).isDirectory()) mkdirSync(target)
  else closeSync(openSync(target, 'w'))
}

function fillDevices(devices: readonly { readonly device: DevicePlan; readonly fd: number | undefined }[]): void {
  for (const { device, fd } of devices) {
    const path = `/dev/${device.name}`
    ensureDirectory(dirname(path))
    if (device.source.kind === 'make') {
      makeNode(path, 'character-device', device.source.major, device.source.minor)
      chmodSync(path, 0o666)
    } else if (fd !== undefined) {
      closeSync(openSync(path, 'w'))
      attachMount(fd, path)
    }
  }
  for (const [name, target] of deviceLinks) symlinkSync(target, `/dev/${name}`)
}

/** Puts something empty in front of it. */
function mask(path: string): void {
  const stats = statsOf(path)
  if (stats === undefined) return
  if (stats.isDirectory())
    mount({ source: 'tmpfs', target: path, type: 'tmpfs', flags: mountFlags.readOnly, options: 'size=0k' })
  else attach(cloneMount('/dev/null', 'one'), path, ['ro'])
}

function ensureDirectory(path: string): void {
  if (!exists(path)) mkdirSync(path, { recursive: true, mode: 0o755 })
}

function exists(path: string): boolean {
  return statsOf(path) !== undefined
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}
