import { lstatSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrno, isInsideUserNamespace, limitDevices, type AllowedDevice } from '../linux/index.ts'
import { cgroupPath, hierarchies, ownPath, type Hierarchy } from './cgroups.ts'
import type { SandboxProcess } from './sandbox.ts'
import { deviceNodes } from './view.ts'

/** Root of a container may make device nodes, and an image may come with some: without a bound, one of the machine's disk would give all of it away. So the thread
 *  that starts processes, and with it all of them, enters a control group in which harmless devices open and others do not. */
export interface DeviceGuard {
  /** Calls a function that starts a process, without waiting for anything: outside the group if the process was given more. */
  start<T>(process: SandboxProcess, start: () => T): T
  /** Goes back, and removes the group. */
  leave(): void
}

/** Nothing is guarded: a user namespace opens no devices, and where no group can be made, a container is around us whose bounds hold. */
export const noDeviceGuard: DeviceGuard = { start: (_, start) => start(), leave: () => undefined }

/** As other runtimes have it.
 *  @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices */
const allowed: readonly AllowedDevice[] = [
  ...deviceNodes,
  { major: 5, minor: 1 }, // console
  { major: 5, minor: 2 }, // ptmx
  { major: 136, minor: undefined }, // terminals
]

const guardName = 'devices'
const processesFile = 'cgroup.procs'
const attempts = 5

/** @param owner of the build's lease, which the group is called after */
export async function openDeviceGuard(owner: string): Promise<DeviceGuard> {
  const place = isInsideUserNamespace() ? undefined : guardedHierarchy()
  if (place === undefined) return noDeviceGuard
  const { own, group } = pathsIn(place, owner)
  removeLeftoverGuards(own)
  for (let attempt = 1; ; attempt++) {
    try {
      mkdirSync(group, { recursive: true })
      restrictDevices(place, group)
      await enter(place, group)
      break
    } catch (error) {
      // Another build that starts now may have taken it for a leftover.
      if (isErrno(error, 'ENOENT', 'ENODEV') && attempt < attempts) continue
      removeIfEmpty(group)
      return noDeviceGuard
    }
  }
  return {
    start: (process, start) => {
      if (!isGivenDevices(process)) return start()
      try {
        enterNow(place, own)
        return start()
      } finally {
        enterNow(place, group)
      }
    },
    leave: () => {
      try {
        writeFileSync(join(own, processesFile), '0')
        removeIfEmpty(group)
      } catch {
        // The next build takes it away.
      }
    },
  }
}

/** Removes the group of a process that is gone. */
export async function removeDeviceGuard(owner: string): Promise<void> {
  const place = guardedHierarchy()
  if (place === undefined) return
  const { group } = pathsIn(place, owner)
  for (let attempt = 0; attempt < 100 && !removeIfEmpty(group); attempt++) await sleep(5)
}

/** Lets the processes in a group open no other devices than harmless ones. */
export function restrictDevices({ names }: Hierarchy, group: string): void {
  if (names.length === 0) {
    limitDevices(group, allowed)
    return
  }
  writeFileSync(join(group, 'devices.deny'), 'a')
  const rules = allowed.map(({ major, minor }) => `c ${major}:${minor ?? '*'} rwm`)
  for (const rule of ['c *:* m', 'b *:* m', ...rules]) {
    try {
      writeFileSync(join(group, 'devices.allow'), rule)
    } catch (error) {
      if (!isErrno(error, 'EPERM')) throw error // the group above may not either
    }
  }
}

/** The hierarchy that bounds devices: of version 1, else of version 2. */
export function guardedHierarchy(all: readonly Hierarchy[] = hierarchies()): Hierarchy | undefined {
  return all.find(({ names }) => names.includes('devices')) ?? all.find(({ names }) => names.length === 0)
}

/** Whether the caller let it have devices of the machine. */
export function isGivenDevices({ security, mounts }: SandboxProcess): boolean {
  return security === 'insecure' || mounts.some((mount) => mount.kind === 'bind' && isDevice(mount.source))
}

function isDevice(path: string): boolean {
  const stats = lstatSync(path)
  return stats.isCharacterDevice() || stats.isBlockDevice()
}

function pathsIn(hierarchy: Hierarchy, owner: string): { readonly own: string; readonly group: string } {
  const own = join(hierarchy.path, ownPath(hierarchy))
  return { own, group: join(own, cgroupPath(`${owner}~${guardName}`)) }
}

/** Of builds that were killed. */
function removeLeftoverGuards(own: string): void {
  const isGuard = (name: string): boolean => `/${name}`.startsWith(cgroupPath('')) && name.endsWith(`~${guardName}`)
  for (const name of readdirSync(own).filter(isGuard)) removeIfEmpty(join(own, name))
}

async function enter(place: Hierarchy, group: string): Promise<void> {
  if (movesThreads(place)) enterNow(place, group)
  else await writeFile(join(group, processesFile), '0')
}

function enterNow(place: Hierarchy, group: string): void {
  writeFileSync(join(group, movesThreads(place) ? 'tasks' : processesFile), '0')
}

/** Version 1 moves threads one by one, and the caller's own at once. To move a process, the kernel waits for all processors to take note, 15 ms or more.
 *  @see https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html ("tasks") */
function movesThreads({ names }: Hierarchy): boolean {
  return names.length > 0
}

/** `false`: there are processes in it yet. */
function removeIfEmpty(group: string): boolean {
  try {
    rmdirSync(group)
    return true
  } catch (error) {
    return !isErrno(error, 'EBUSY')
  }
}
