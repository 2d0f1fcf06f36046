import { BuildError } from '../../core/errors.ts'
import { effectiveCapabilities, isChildProgramAvailable, isKernelAtLeast, type CapabilityName } from '../linux/index.ts'
import { openChrootSandbox } from './chroot/index.ts'
import { noDeviceGuard, type DeviceGuard } from './device-guard.ts'
import { openFirstThatWorks, type Candidate } from './first-that-works.ts'
import { openNativeSandbox } from './native/index.ts'
import { findRuntime, openOciSandbox } from './oci/index.ts'
import type { IsolationName, Sandbox } from './sandbox.ts'
import { hasFilter } from './seccomp/index.ts'
import { readHostFacts } from './view.ts'

export interface SandboxOptions {
  /** How many files the user's own processes may have open, softly: Node raises this for itself, and steps should not see that.
   *  `undefined` leaves what this process has. */
  readonly openFiles?: number | undefined
  /** Where OCI runtimes are looked for, in the form of the variable PATH. */
  readonly searchPath?: string | undefined
  /** Whether this process has a mount namespace of its own: yes by default. Only chroot does without. */
  readonly ownMounts?: boolean | undefined
  /** Which devices processes may open: by default as many as this process. */
  readonly guard?: DeviceGuard | undefined
}

/** Opens the sandbox asked for, or with `auto` the first that this place allows: our own namespaces, an OCI runtime, chroot. Looks, and tries nothing out, so it costs
 *  next to nothing. If the first process cannot be set up after all, `auto` takes the next one; nothing of the process has run then.
 *
 *  The caller has a mount namespace of its own, and is prepared to become the parent of orphans.
 *  @throws {BuildError} `SANDBOX_UNAVAILABLE` */
export function openSandbox(requested: 'auto' | IsolationName, options: SandboxOptions = {}): Promise<Sandbox> {
  const offers = offer(options)
  const open = offers.filter(({ obstacle }) => obstacle === undefined)
  if (requested === 'auto') {
    const refused = offers.filter(({ obstacle }) => obstacle !== undefined)
    if (open.length === 0) return Promise.reject(unavailable('any isolation', refused))
    const first = offers.findIndex(({ obstacle }) => obstacle === undefined)
    return Promise.resolve(openFirstThatWorks(open, offers.slice(0, first).map(reasonOf)))
  }
  const wanted = offers.filter(({ name }) => name === requested)
  const [found] = wanted.filter(({ obstacle }) => obstacle === undefined)
  if (found === undefined) return Promise.reject(unavailable(`isolation "${requested}"`, wanted))
  return Promise.resolve(found.open())
}

interface Offer extends Candidate {
  /** Why it cannot work here, as a clause. */
  readonly obstacle: string | undefined
}

/** In the order of preference. The first two isolate alike; a runtime takes longer, since it is a program to start. */
function offer({
  openFiles,
  searchPath = process.env['PATH'] ?? '',
  ownMounts = true,
  guard = noDeviceGuard,
}: SandboxOptions): readonly Offer[] {
  const runtime = findRuntime(searchPath)
  const facts = readHostFacts()
  const capabilities = effectiveCapabilities()
  const namespaces = obstacleToNamespaces(capabilities)
  const noRuntime = runtime === undefined ? 'neither crun nor runc is on the PATH' : undefined
  const noFilter = hasFilter(process.arch) ? undefined : `there is no system call filter for ${process.arch}`
  const noCode = isChildProgramAvailable(process.arch)
    ? undefined
    : `processes cannot be confined on ${process.arch} without a runtime`
  return [
    {
      name: 'native',
      obstacle: namespaces ?? noCode ?? noFilter,
      open: () => openNativeSandbox({ facts, openFiles, guard }),
    },
    {
      name: 'oci',
      obstacle: noRuntime ?? namespaces,
      open: () => openOciSandbox({ runtime: runtime ?? { name: 'crun', path: 'crun' }, facts, openFiles, guard }),
    },
    {
      name: 'chroot',
      obstacle: missing(capabilities, 'CAP_SYS_CHROOT') ?? noCode ?? oldKernel(),
      open: () => openChrootSandbox({ openFiles, guard, ownMounts }),
    },
  ]
}

function obstacleToNamespaces(capabilities: readonly CapabilityName[]): string | undefined {
  return missing(capabilities, 'CAP_SYS_ADMIN') ?? oldKernel()
}

function missing(capabilities: readonly CapabilityName[], name: CapabilityName): string | undefined {
  return capabilities.includes(name) ? undefined : `this process lacks the capability ${name}`
}

/** Process descriptors are what tells us the end of a process that others started. */
function oldKernel(): string | undefined {
  return isKernelAtLeast(5, 3) ? undefined : 'the kernel is older than Linux 5.3'
}

function reasonOf({ name, obstacle }: Offer): string {
  return `${name}: ${obstacle ?? ''}`
}

function unavailable(what: string, offers: readonly Offer[]): BuildError {
  const reasons = offers.map(({ name, obstacle }) =>
    offers.length === 1 ? (obstacle ?? '') : `${name}: ${obstacle ?? ''}`,
  )
  return new BuildError('SANDBOX_UNAVAILABLE', `Cannot use ${what}: ${reasons.join('; ')}`, {
    hint: 'Run as root, or where this user may make user namespaces (newuidmap, and entries in /etc/subuid and /etc/subgid).',
  })
}
