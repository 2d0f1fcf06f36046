import { deviceNumber } from '../nodes.ts'
import { isKernelAtLeast } from '../kernel-release.ts'
import { mountAttributes, mountFlags, type MountRequest } from '../mount.ts'
import type { NewMount } from '../create-mount.ts'
import type { CallOptions, CallResult, ChildProgram } from './child-program.ts'

const currentDirectory = -100
const closeOnExec = 0o2000000

/** Mounts that a new process makes in its own mount namespace: the functions of `mount.ts`, as calls of its program. Descriptors go with `execve`. */
export class ChildMounts {
  readonly #program: ChildProgram

  constructor(program: ChildProgram) {
    this.#program = program
  }

  mount({ source = 'none', target, type = 'none', flags = 0, options }: MountRequest): void {
    this.#program.call('mount', [source, target, type, flags, options ?? null])
  }

  /** A copy of the mounts at a path, attached nowhere. */
  clone(path: string, depth: 'one' | 'recursive'): CallResult {
    const [cloneTree, recursive] = [1, 0x8000]
    const flags = cloneTree | closeOnExec | (depth === 'recursive' ? recursive : 0)
    return this.#program.call('openTree', [currentDirectory, path, flags])
  }

  /** A new mount, attached nowhere. */
  create({ type, options, attributes }: NewMount): CallResult {
    const [setFlag, setString, create] = [0, 1, 6]
    const context = this.#program.call('fsopen', [type, 1])
    for (const [name, value] of options) {
      this.#program.call('fsconfig', [context, value === undefined ? setFlag : setString, name, value ?? null, 0])
    }
    this.#program.call('fsconfig', [context, create, null, null, 0])
    return this.#program.call('fsmount', [context, 1, attributes])
  }

  /** Attaches a detached mount, and takes these rights from it and all that is mounted below it. A link at the target is refused.
   *  @param attributes some of `mountAttributes`, added */
  attach(mount: CallResult, target: string, attributes = 0): void {
    const fromDescriptor = 4
    if (attributes !== 0 && isKernelAtLeast(5, 12)) this.#limit(mount, attributes)
    this.#program.call('moveMount', [mount, '', currentDirectory, target, fromDescriptor])
    // Older kernels change a mount only by mounting it again, one at a time.
    if (attributes !== 0 && !isKernelAtLeast(5, 12)) this.mount({ target, flags: remountFlags(attributes) })
  }

  /** Makes a directory the root of everything, and lets go of the old root. */
  enterRoot(root: string): void {
    const [noFollow, detach] = [8, 2]
    this.mount({ source: root, target: root, flags: mountFlags.bind | mountFlags.recursive })
    this.#program.call('chdir', [root])
    // The old root lands on top of the new one, and goes with all that hangs on it.
    this.#program.call('pivotRoot', ['.', '.'])
    this.#program.call('umount2', ['.', noFollow | detach])
    this.#program.call('chdir', ['/'])
  }

  makeDirectory(path: string, options?: CallOptions): void {
    this.#program.call('mkdirat', [currentDirectory, path, 0o755], options)
  }

  makeEmptyFile(path: string, options?: CallOptions): void {
    const createNew = 0o301
    this.#program.call('openat', [currentDirectory, path, createNew | closeOnExec, 0o666], options)
  }

  makeCharacterDevice(path: string, major: number, minor: number): void {
    const characterDevice = 0o020000
    this.#program.call('mknodat', [currentDirectory, path, characterDevice | 0o666, deviceNumber(major, minor)])
  }

  makeLink(path: string, target: string): void {
    this.#program.call('symlinkat', [target, currentDirectory, path])
  }

  #limit(mount: CallResult, attributes: number): void {
    const [emptyPath, recursive] = [0x1000, 0x8000]
    const request = BigUint64Array.of(BigInt(attributes), 0n, 0n, 0n)
    const bytes = new Uint8Array(request.buffer)
    this.#program.call('mountSetattr', [mount, '', emptyPath | recursive, bytes, bytes.byteLength])
  }
}

function remountFlags(attributes: number): number {
  const flags = Object.entries(mountAttributes).map(([name, bit]) =>
    (attributes & bit) === 0 ? 0 : mountFlags[name as keyof typeof mountAttributes],
  )
  return flags.reduce((sum, flag) => sum | flag, mountFlags.bind | mountFlags.remount)
}
