import { lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  ChildMounts,
  mountAttributes,
  mountFlags,
  type CallResult,
  type ChildProgram,
  type FileSystemOption,
} from '../../linux/index.ts'
import type { SandboxMount } from '../sandbox.ts'
import { deviceLinks, type MountOption, type SystemMount } from '../view.ts'
import type { DevicePlan, NamespaceConfinement } from './confinement.ts'

/** Makes the root the root of the process's mount namespace, which must be its own, and mounts what belongs into it. What comes from outside is picked up first;
 *  everything is attached from within, so that a link in a hostile image leads nowhere but into itself. */
export function mountView(program: ChildProgram, root: string, view: NamespaceConfinement): void {
  new View(new ChildMounts(program)).build(root, view)
}

class View {
  readonly #mounts: ChildMounts
  /** Directories that the process's own /dev has. */
  readonly #devices = new Set(['/dev'])

  constructor(mounts: ChildMounts) {
    this.#mounts = mounts
  }

  build(root: string, view: NamespaceConfinement): void {
    this.#mounts.mount({ target: '/', flags: mountFlags.private | mountFlags.recursive })
    const wanted = view.mounts.map((mount) => ({ mount, fd: this.#pickUp(mount) }))
    const devices = view.devices.map((device) => ({ device, fd: this.#outsideDevice(device) }))
    // Before the root is entered: in a user namespace the kernel gives a /proc or /sys only to who can see one.
    const system = view.systemMounts.map((mount) => ({ mount, fd: this.#systemMount(mount) }))
    this.#mounts.enterRoot(root)
    for (const { mount, fd } of system) {
      this.#ensureBelowDev(mount.target, 'directory')
      this.#mounts.attach(fd, mount.target, mount.type === 'bind' ? attributesOf(mount.options) : 0)
      if (mount.target === '/dev') this.#fillDev(devices)
    }
    for (const [index, { mount, fd }] of wanted.entries()) {
      const kind = mount.kind === 'bind' ? kindOf(mount.source) : 'directory'
      this.#ensureBelowDev(mount.target, kind)
      const under = wanted.slice(0, index).filter((other) => mount.target.startsWith(`${other.mount.target}/`))
      for (const other of under) this.#ensureBelow(other.mount.target, mount.target, kind)
      this.#mounts.attach(fd, mount.target, mount.kind === 'bind' ? attributesOf(bindOptions(mount)) : 0)
    }
    for (const path of view.readOnlyPaths.filter(isOnMachine)) {
      this.#mounts.attach(this.#mounts.clone(path, 'recursive'), path, mountAttributes.readOnly)
    }
    for (const path of view.maskedPaths.filter(isOnMachine)) this.#mask(path)
  }

  #pickUp(mount: SandboxMount): CallResult {
    if (mount.kind === 'bind') return this.#mounts.clone(mount.source, 'recursive')
    const size = mount.sizeBytes === undefined ? [] : [['size', String(mount.sizeBytes)] as const]
    return this.#mounts.create({
      type: 'tmpfs',
      options: [['source', 'tmpfs'], ['mode', mount.mode.toString(8)], ...size],
      attributes: mountAttributes.noSuid,
    })
  }

  #outsideDevice({ name, source }: DevicePlan): CallResult | undefined {
    return source.kind === 'bind' ? this.#mounts.clone(`/dev/${name}`, 'one') : undefined
  }

  #systemMount({ target, type, options, data }: SystemMount): CallResult {
    if (type === 'bind') return this.#mounts.clone(target, 'recursive')
    const source = target === '/dev/shm' ? 'shm' : type
    return this.#mounts.create({
      type,
      options: [['source', source], ...data.map(optionOf)],
      attributes: attributesOf(options),
    })
  }

  #fillDev(devices: readonly { readonly device: DevicePlan; readonly fd: CallResult | undefined }[]): void {
    for (const { device, fd } of devices) {
      const path = `/dev/${device.name}`
      if (device.source.kind === 'make') {
        this.#ensureBelowDev(dirname(path), 'directory')
        this.#mounts.makeCharacterDevice(path, device.source.major, device.source.minor)
        this.#devices.add(path)
      } else if (fd !== undefined) {
        this.#ensureBelowDev(path, 'file')
        this.#mounts.attach(fd, path)
      }
    }
    for (const [name, target] of deviceLinks) {
      this.#mounts.makeLink(`/dev/${name}`, target)
      this.#devices.add(`/dev/${name}`)
    }
  }

  /** /dev is fresh, so that nobody else could make the place. Elsewhere it is there. */
  #ensureBelowDev(path: string, kind: 'directory' | 'file'): void {
    if (!path.startsWith('/dev/') || this.#devices.has(path)) return
    this.#ensureBelowDev(dirname(path), 'directory')
    if (kind === 'directory') this.#mounts.makeDirectory(path)
    else this.#mounts.makeEmptyFile(path)
    this.#devices.add(path)
  }

  /** What is mounted there hides the place that was made in the root; it may have one of its own. */
  #ensureBelow(mounted: string, path: string, kind: 'directory' | 'file'): void {
    if (path === mounted) return
    this.#ensureBelow(mounted, dirname(path), 'directory')
    if (kind === 'directory') this.#mounts.makeDirectory(path, { tolerate: true })
    else this.#mounts.makeEmptyFile(path, { tolerate: true })
  }

  /** Puts something empty in front of it. */
  #mask(path: string): void {
    if (lstatSync(path).isDirectory()) {
      this.#mounts.mount({
        source: 'tmpfs',
        target: path,
        type: 'tmpfs',
        flags: mountFlags.readOnly,
        options: 'size=0k',
      })
    } else this.#mounts.attach(this.#mounts.clone('/dev/null', 'one'), path, mountAttributes.readOnly)
  }
}

const attributeOf: Readonly<Record<MountOption, number>> = {
  ro: mountAttributes.readOnly,
  nosuid: mountAttributes.noSuid,
  nodev: mountAttributes.noDev,
  noexec: mountAttributes.noExec,
  strictatime: mountAttributes.strictAtime,
}

function attributesOf(options: readonly MountOption[]): number {
  return options.reduce((sum, option) => sum | attributeOf[option], 0)
}

function bindOptions(mount: Extract<SandboxMount, { kind: 'bind' }>): readonly MountOption[] {
  return [
    ...(mount.readOnly ? (['ro'] as const) : []),
    ...(mount.hardened ? (['nosuid', 'nodev'] as const) : []),
    ...(mount.noExec ? (['noexec'] as const) : []),
  ]
}

function optionOf(text: string): FileSystemOption {
  const [name = '', value] = text.split('=', 2)
  return value === undefined ? [name] : [name, value]
}

function kindOf(source: string): 'directory' | 'file' {
  return statSync(source).isDirectory() ? 'directory' : 'file'
}

/** What /proc and /sys have in here, they have in there. */
function isOnMachine(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
