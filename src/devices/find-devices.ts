import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { RunOp } from '../../core/ops.ts'
import type { DeviceEdits, DeviceMount, DeviceNode } from '../../executor/index.ts'
import { parseDeviceSpec, type ContainerEdits, type DeviceSpec } from './device-spec.ts'

/** Where the machine's devices are described: what is said later counts. */
const folders = ['/etc/cdi', '/var/run/cdi', '/etc/buildkit/cdi']

/** What the machine's devices need inside a sandbox. `vendor.com/class=device` is one, `vendor.com/class=*` all of a class, `vendor.com/class` the first.
 *  @throws {BuildError} `DEVICE_NOT_FOUND` for one that is required and not there; `DEVICE_INVALID` for one that is described wrongly, or needs what we cannot do
 *  @see https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md */
export async function findDevices(
  wanted: RunOp['devices'],
  specFolders: readonly string[] = folders,
): Promise<readonly DeviceEdits[]> {
  const known = knownDevices(await readSpecs(specFolders))
  const found = wanted.flatMap(({ name, required }) => {
    const matching = devicesNamed(name, known)
    if (matching.length === 0 && required) throw notFound(name, [...known.keys()])
    return matching
  })
  return [...new Set(found)].map(([name, edits]) => mergeEdits(name, edits))
}

/** A device's full name, with what is said of it and of all devices beside it. */
type KnownDevice = readonly [name: string, edits: readonly ContainerEdits[]]

function knownDevices(specs: readonly DeviceSpec[]): ReadonlyMap<string, KnownDevice> {
  const known = specs.flatMap(({ kind, devices, containerEdits = {} }) =>
    devices.map((device): readonly [string, KnownDevice] => {
      const name = `${kind}=${device.name}`
      return [name, [name, [containerEdits, device.containerEdits ?? {}]]]
    }),
  )
  return new Map(known)
}

function devicesNamed(name: string, known: ReadonlyMap<string, KnownDevice>): readonly KnownDevice[] {
  const exact = known.get(name)
  if (exact !== undefined) return [exact]
  const [, kind = '', which] = /^([^=]*)(=\*)?$/.exec(name) ?? []
  const all = [...known.values()].filter(([other]) => kind !== '' && other.startsWith(`${kind}=`))
  return which === undefined ? all.slice(0, 1) : all
}

async function readSpecs(specFolders: readonly string[]): Promise<readonly DeviceSpec[]> {
  const specs: DeviceSpec[] = []
  for (const folder of specFolders) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names.filter((file) => /\.(?:json|ya?ml)$/.test(file)).sort()) {
      specs.push(await readSpec(join(folder, name)))
    }
  }
  return specs
}

async function readSpec(path: string): Promise<DeviceSpec> {
  try {
    const text = await readFile(path, 'utf8')
    if (path.endsWith('.json')) return parseDeviceSpec(JSON.parse(text))
    const { parse } = await import('yaml')
    return parseDeviceSpec(parse(text))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new BuildError('DEVICE_INVALID', `Cannot read the description of devices ${path}: ${reason}`, {
      cause: error,
    })
  }
}

function mergeEdits(name: string, edits: readonly ContainerEdits[]): DeviceEdits {
  for (const { hooks = [], intelRdt, netDevices = [] } of edits) {
    if (hooks.length > 0) throw cannot(name, 'it has hooks, which are programs to run on this machine')
    if (intelRdt !== undefined) throw cannot(name, 'it needs a class of Intel RDT')
    if (netDevices.length > 0) throw cannot(name, 'it is a network device')
  }
  const env = edits.flatMap((edit) => edit.env ?? [])
  const unnamed = env.find((entry) => !/^[^=\0]+=[^\0]*$/.test(entry))
  if (unnamed !== undefined) throw cannot(name, `${JSON.stringify(unnamed)} is no variable`)
  return {
    name,
    env,
    nodes: edits.flatMap(({ deviceNodes = [] }) => deviceNodes.map((node) => resolveNode(name, node))),
    mounts: edits.flatMap(({ mounts = [] }) => mounts.map((mount) => resolveMount(name, mount))),
    groups: edits.flatMap(({ additionalGids = [] }) => additionalGids),
  }
}

function resolveNode(name: string, node: NonNullable<ContainerEdits['deviceNodes']>[number]): DeviceNode {
  const { path, hostPath = path, fileMode, uid, gid } = node
  for (const given of [path, hostPath]) if (!given.startsWith('/')) throw cannot(name, `${given} is no absolute path`)
  return { path, hostPath, mode: fileMode, uid, gid }
}

/** Of the options of a bind mount, those that mean something in a mount namespace of its own. */
const knownOptions = [
  'ro',
  'rw',
  'bind',
  'rbind',
  'nosuid',
  'nodev',
  'noexec',
  'private',
  'rprivate',
  'slave',
  'rslave',
]

function resolveMount(name: string, mount: NonNullable<ContainerEdits['mounts']>[number]): DeviceMount {
  const { hostPath, containerPath: path, type = 'bind', options = [] } = mount
  if (!['', 'none', 'bind'].includes(type)) throw cannot(name, `it mounts a file system of type ${type}`)
  const unknown = options.find((option) => !knownOptions.includes(option))
  if (unknown !== undefined) throw cannot(name, `it mounts with the option ${unknown}`)
  for (const given of [path, hostPath]) if (!given.startsWith('/')) throw cannot(name, `${given} is no absolute path`)
  const has = (option: string): boolean => options.includes(option)
  return { path, hostPath, readOnly: has('ro'), hardened: has('nosuid') && has('nodev'), noExec: has('noexec') }
}

function cannot(name: string, why: string): BuildError {
  return new BuildError('DEVICE_INVALID', `Cannot use the device ${name}: ${why}`)
}

function notFound(name: string, known: readonly string[]): BuildError {
  const hint =
    known.length === 0 ? `Devices are described in ${folders.join(', ')}.` : `There are: ${known.join(', ')}.`
  return new BuildError('DEVICE_NOT_FOUND', `Cannot find the device ${name}`, { hint })
}
