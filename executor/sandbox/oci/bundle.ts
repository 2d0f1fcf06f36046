import { lstatSync, type Stats } from 'node:fs'
import type { CapabilityName, NamespaceKind } from '../../linux/index.ts'
import { limitsFor } from '../resource-limits.ts'
import type { SandboxMount, SandboxProcess } from '../sandbox.ts'
import { hasFilter, ociSeccomp, seccompProgram, type OciSeccomp } from '../seccomp/index.ts'
import {
  capabilitiesFor,
  insecureDevices,
  maskedPaths,
  namespacesFor,
  readOnlyPaths,
  systemMounts,
  type HostFacts,
  type SystemMount,
} from '../view.ts'
import type { RuntimeName } from './runtime.ts'

const { arch } = globalThis.process

/** The file config.json of a bundle, as far as we use it.
 *  @see https://github.com/opencontainers/runtime-spec/blob/main/config.md */
export interface OciConfig {
  readonly ociVersion: '1.0.2'
  readonly process: OciProcess
  readonly root: { readonly path: string; readonly readonly: false }
  readonly hostname: string
  readonly mounts: readonly OciMount[]
  readonly annotations: Readonly<Record<string, string>>
  readonly linux: OciLinux
}

interface OciProcess {
  readonly terminal: false
  readonly user: {
    readonly uid: number
    readonly gid: number
    readonly additionalGids: readonly number[]
    readonly umask: number
  }
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly capabilities: Readonly<
    Record<'bounding' | 'permitted' | 'effective' | 'inheritable' | 'ambient', readonly CapabilityName[]>
  >
  readonly rlimits: readonly { readonly type: string; readonly soft: number; readonly hard: number }[]
  readonly noNewPrivileges: false
}

interface OciMount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

interface OciLinux {
  readonly namespaces: readonly { readonly type: NamespaceKind }[]
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
  readonly devices: readonly OciDevice[]
  readonly resources?: { readonly devices: readonly DeviceRule[] }
  readonly seccomp?: OciSeccomp | undefined
  readonly cgroupsPath?: string | undefined
}

/** Without type and numbers: any device. */
interface DeviceRule {
  readonly allow: true
  readonly access: 'rwm'
  readonly type?: 'c' | 'b'
  readonly major?: number
  readonly minor?: number
}

interface OciDevice {
  readonly path: string
  readonly type: 'c' | 'b'
  readonly major: number
  readonly minor: number
  readonly fileMode: number
}

export interface BundleSettings {
  readonly runtime: RuntimeName
  readonly facts: HostFacts
  readonly cgroupsPath: string | undefined
  readonly openFiles: number | undefined
}

export function ociConfig(process: SandboxProcess, settings: BundleSettings): OciConfig {
  const { argv, env, cwd, uid, gid, groups, hostname } = process
  const capabilities = capabilitiesFor(process)
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid, gid, additionalGids: groups, umask: 0o022 },
      args: argv,
      env,
      cwd,
      capabilities: {
        bounding: capabilities,
        permitted: capabilities,
        effective: capabilities,
        inheritable: [],
        ambient: [],
      },
      rlimits: limitsFor(process, settings.openFiles).map(({ name, soft, hard }) => ({
        type: `RLIMIT_${name.toUpperCase()}`,
        soft: jsonLimit(soft),
        hard: jsonLimit(hard),
      })),
      noNewPrivileges: false,
    },
    root: { path: process.root, readonly: false },
    hostname,
    mounts: [...systemMounts(process, settings.facts).map(systemMount), ...process.mounts.map(processMount)],
    ...protection(process, settings),
  }
}

function protection(process: SandboxProcess, settings: BundleSettings): Pick<OciConfig, 'annotations' | 'linux'> {
  const { runtime, facts, cgroupsPath } = settings
  const namespaces = namespacesFor(process, facts).map((type) => ({ type }))
  if (process.security === 'insecure') {
    const allow = { resources: { devices: [{ allow: true, access: 'rwm' } as const] } }
    const devices = insecureDevices.flatMap(machineDevice)
    const cgroup = runtime === 'runc' ? { cgroupsPath, ...allow } : {}
    return { annotations: {}, linux: { namespaces, maskedPaths: [], readonlyPaths: [], devices, ...cgroup } }
  }
  const rules = runtime === 'runc' ? process.mounts.flatMap(deviceRule) : []
  return {
    annotations: runtime === 'crun' && hasFilter(arch) ? { [programAnnotation]: programText(arch) } : {},
    linux: {
      namespaces,
      maskedPaths,
      readonlyPaths: readOnlyPaths,
      devices: [],
      seccomp: profile(),
      cgroupsPath,
      ...(rules.length === 0 ? {} : { resources: { devices: rules } }),
    },
  }
}

/** runc's cgroup refuses the devices that it was not told of. */
function deviceRule(mount: SandboxMount): readonly DeviceRule[] {
  const stats = mount.kind === 'bind' ? lstatSync(mount.source) : undefined
  if (stats === undefined || !(stats.isCharacterDevice() || stats.isBlockDevice())) return []
  return [{ allow: true, access: 'rwm', type: stats.isCharacterDevice() ? 'c' : 'b', ...numbersOf(stats) }]
}

function numbersOf({ rdev }: Stats): { readonly major: number; readonly minor: number } {
  return { major: (rdev >> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) }
}

/** crun then takes the finished program, which saves it the making. An older one does not know the word, and makes it from the profile.
 *  @see https://github.com/containers/crun/blob/main/crun.1.md (run.oci.seccomp_bpf_data) */
const programAnnotation = 'run.oci.seccomp_bpf_data'

let program: string | undefined

function programText(architecture: 'x64' | 'arm64'): string {
  program ??= Buffer.from(seccompProgram(architecture)).toString('base64')
  return program
}

let madeProfile: OciSeccomp | undefined

function profile(): OciSeccomp | undefined {
  madeProfile ??= ociSeccomp(arch)
  return madeProfile
}

function systemMount({ target, type, options, data }: SystemMount): OciMount {
  switch (type) {
    case 'bind':
      return { destination: target, type: 'none', source: target, options: ['rbind', ...options] }
    case 'cgroup2':
      return { destination: target, type: 'cgroup', source: 'cgroup', options: [...options, ...data] }
    case 'tmpfs':
      return {
        destination: target,
        type,
        source: target === '/dev/shm' ? 'shm' : 'tmpfs',
        options: [...options, ...data],
      }
    case 'proc':
    case 'devpts':
    case 'mqueue':
    case 'sysfs':
      return { destination: target, type, source: type, options: [...options, ...data] }
    default:
      return type satisfies never
  }
}

function processMount(mount: SandboxMount): OciMount {
  switch (mount.kind) {
    case 'bind': {
      const options = [
        'rbind',
        'rprivate',
        mount.readOnly ? 'ro' : 'rw',
        ...(mount.hardened ? ['nosuid', 'nodev'] : []),
        ...(mount.noExec ? ['noexec'] : []),
      ]
      return { destination: mount.target, type: 'none', source: mount.source, options }
    }
    case 'tmpfs': {
      const size = mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`]
      const options = ['nosuid', `mode=${mount.mode.toString(8)}`, ...size]
      return { destination: mount.target, type: 'tmpfs', source: 'tmpfs', options }
    }
    default:
      return mount satisfies never
  }
}

function machineDevice(name: string): readonly OciDevice[] {
  const stats = lstatSync(`/dev/${name}`, { throwIfNoEntry: false })
  if (stats === undefined || !(stats.isCharacterDevice() || stats.isBlockDevice())) return []
  return [
    {
      path: `/dev/${name}`,
      type: stats.isCharacterDevice() ? 'c' : 'b',
      ...numbersOf(stats),
      fileMode: stats.mode & 0o777,
    },
  ]
}

/** Stands for "no limit", which is 2^64 - 1, and which JavaScript has no number for. */
const unlimited = Number.MAX_SAFE_INTEGER

function jsonLimit(value: number): number {
  return Math.min(value, unlimited)
}

/** The text of config.json. */
export function formatConfig(config: OciConfig): string {
  // Inside a string the quotes would be escaped, so these are members.
  return JSON.stringify(config).replace(/"(soft|hard)":9007199254740991\b/g, '"$1":18446744073709551615')
}
