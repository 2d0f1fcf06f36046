import { chmodSync, lchownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { isErrno, makeNode } from '../linux/index.ts'
import type { SandboxMount } from '../sandbox/index.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import type { TreeEntry } from '../tree/tree-reader.ts'
import type { MountStubs } from './mount-stubs.ts'

/** What a device of the machine needs inside a sandbox. Paths are absolute.
 *  @see https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md */
export interface DeviceEdits {
  /** `vendor.com/class=device` */
  readonly name: string
  /** `NAME=value` */
  readonly env: readonly string[]
  readonly nodes: readonly DeviceNode[]
  readonly mounts: readonly DeviceMount[]
  readonly groups: readonly number[]
}

export interface DeviceNode {
  readonly path: string
  readonly hostPath: string
  /** `undefined`: as on the machine. */
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
}

export interface DeviceMount {
  readonly path: string
  readonly hostPath: string
  readonly readOnly: boolean
  /** Without setuid programs and devices. */
  readonly hardened: boolean
  readonly noExec: boolean
}

/** @param scratch an empty folder of this run's own, where devices work
 *  @throws {BuildError} `DEVICE_INVALID`, `MOUNT_INVALID` */
export function deviceMounts(
  devices: readonly DeviceEdits[],
  scratch: string,
  stubs: MountStubs,
): readonly SandboxMount[] {
  return devices.flatMap((device, index) => [
    ...device.nodes.map((node, number): SandboxMount => {
      const source = nodeSource(device, node, join(scratch, `device-${index}-${number}`))
      return {
        kind: 'bind',
        source,
        target: stubs.makeFile(node.path),
        readOnly: false,
        hardened: false,
        noExec: false,
      }
    }),
    ...device.mounts.map(({ path, hostPath, ...rights }): SandboxMount => {
      const isDirectory = entryAt(device, hostPath).type === 'directory'
      const target = isDirectory ? stubs.makeDirectory(path) : stubs.makeFile(path)
      return { kind: 'bind', source: hostPath, target, ...rights }
    }),
  ])
}

/** The machine's own node, unless it is to look different: then one beside it. */
function nodeSource(device: DeviceEdits, { hostPath, mode, uid, gid }: DeviceNode, place: string): string {
  const { type, deviceMajor, deviceMinor, ...present } = entryAt(device, hostPath)
  if (type !== 'character-device' && type !== 'block-device') throw invalid(device, `${hostPath} is no device`)
  if (mode === undefined && uid === undefined && gid === undefined) return hostPath
  try {
    makeNode(place, type, deviceMajor, deviceMinor)
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error
    throw invalid(device, `${hostPath} has to have another owner or mode, and this user can make no devices`)
  }
  lchownSync(place, uid ?? present.uid, gid ?? present.gid)
  chmodSync(place, mode ?? present.mode)
  return place
}

function entryAt(device: DeviceEdits, path: string): TreeEntry {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) throw invalid(device, `this machine has no ${path}`)
  return entryOfStats(stats)
}

function invalid({ name }: DeviceEdits, why: string): BuildError {
  return new BuildError('DEVICE_INVALID', `Cannot use the device ${name}: ${why}`)
}
