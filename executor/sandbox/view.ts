import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { boundingCapabilities, isInsideUserNamespace, type CapabilityName, type NamespaceKind } from '../linux/index.ts'
import type { SandboxProcess } from './sandbox.ts'

/** What Docker leaves to root in a container.
 *  @see https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities */
export const containerCapabilities: readonly CapabilityName[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** Hidden behind something empty, where they exist: they tell about the machine, or reach into it. */
export const maskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]

export const readOnlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
]

export interface DeviceNode {
  readonly name: string
  readonly major: number
  readonly minor: number
}

/** In /dev, for everyone to read and write. */
export const deviceNodes: readonly DeviceNode[] = [
  { name: 'null', major: 1, minor: 3 },
  { name: 'zero', major: 1, minor: 5 },
  { name: 'full', major: 1, minor: 7 },
  { name: 'random', major: 1, minor: 8 },
  { name: 'urandom', major: 1, minor: 9 },
  { name: 'tty', major: 5, minor: 0 },
]

/** What an insecure process finds in /dev besides, as far as the machine has it. */
export const insecureDevices: readonly string[] = [
  'kmsg',
  'cuse',
  'fuse',
  'kvm',
  'net/tun',
  'loop-control',
  ...Array.from({ length: 8 }, (_, index) => `loop${index}`),
]

/** Links in /dev, name and target. */
export const deviceLinks: readonly (readonly [name: string, target: string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
]

/** The capabilities for a process: never one that we could not pass on. */
export function capabilitiesFor({ security }: SandboxProcess): readonly CapabilityName[] {
  const own = boundingCapabilities()
  return security === 'insecure' ? own : containerCapabilities.filter((name) => own.includes(name))
}

export type MountOption = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'strictatime'

/** One of the mounts that every process finds. `data` are options of the file system itself. */
export interface SystemMount {
  readonly target: string
  readonly type: 'proc' | 'tmpfs' | 'devpts' | 'mqueue' | 'sysfs' | 'cgroup2' | 'bind'
  readonly options: readonly MountOption[]
  readonly data: readonly string[]
}

/** What this machine, and our place in it, lets a sandbox do. */
export interface HostFacts {
  /** We are root of a user namespace only: devices are bound, not made, and sysfs belongs to somebody else. */
  readonly rootless: boolean
  /** Group 5, which terminals belong to, exists here. */
  readonly mapsTerminalGroup: boolean
  /** /sys/fs/cgroup is one tree of cgroup v2. */
  readonly unifiedCgroups: boolean
  readonly hasCgroupNamespace: boolean
}

export function readHostFacts(): HostFacts {
  const rootless = isInsideUserNamespace()
  return {
    rootless,
    mapsTerminalGroup: !rootless || mapsId(readFileSync('/proc/self/gid_map', 'utf8'), 5),
    unifiedCgroups: isUnified(),
    hasCgroupNamespace: existsSync('/proc/self/ns/cgroup'),
  }
}

function isUnified(): boolean {
  const cgroup2Magic = 0x63677270
  try {
    return statfsSync('/sys/fs/cgroup').type === cgroup2Magic
  } catch {
    return false
  }
}

function mapsId(map: string, id: number): boolean {
  return map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => id >= first && id < first + count)
}

/** The namespaces of the process's own. The network `default` is the machine's, as BuildKit has it where nothing else is set up. */
export function namespacesFor({ network }: SandboxProcess, facts: HostFacts): readonly NamespaceKind[] {
  return [
    'pid',
    'mount',
    'ipc',
    'uts',
    ...(network === 'none' ? (['network'] as const) : []),
    ...(facts.hasCgroupNamespace ? (['cgroup'] as const) : []),
  ]
}

/** In the order of mounting. */
export function systemMounts(process: SandboxProcess, facts: HostFacts): readonly SystemMount[] {
  const insecure = process.security === 'insecure'
  const terminalGroup = facts.mapsTerminalGroup ? ['gid=5'] : []
  const locked: readonly MountOption[] = ['nosuid', 'noexec', 'nodev']
  const system: readonly MountOption[] = insecure ? locked : [...locked, 'ro']
  return [
    { target: '/proc', type: 'proc', options: locked, data: [] },
    { target: '/dev', type: 'tmpfs', options: ['nosuid', 'strictatime'], data: ['mode=755', 'size=65536k'] },
    {
      target: '/dev/pts',
      type: 'devpts',
      options: ['nosuid', 'noexec'],
      data: ['newinstance', 'ptmxmode=0666', 'mode=0620', ...terminalGroup],
    },
    {
      target: '/dev/shm',
      type: 'tmpfs',
      options: locked,
      data: ['mode=1777', `size=${process.shmSizeBytes}`],
    },
    { target: '/dev/mqueue', type: 'mqueue', options: locked, data: [] },
    sysMount(process, facts, system),
    ...(facts.unifiedCgroups
      ? [{ target: '/sys/fs/cgroup', type: 'cgroup2', options: system, data: [] } as const]
      : []),
  ]
}

/** A fresh sysfs shows the network namespace of whoever mounts it, and only that namespace's owner may. Otherwise the machine's own is shown. */
function sysMount({ network }: SandboxProcess, facts: HostFacts, options: readonly MountOption[]): SystemMount {
  const type = facts.rootless && network !== 'none' ? 'bind' : 'sysfs'
  return { target: '/sys', type, options, data: [] }
}
