import { fchownSync, writeSync } from 'node:fs'
import {
  bringLoopbackUp,
  chroot,
  closeOnExecFrom,
  becomeSubreaper,
  dieWithParent,
  duplicateTo,
  execve,
  exitNow,
  installSeccompFilter,
  isErrno,
  joinNewSessionKeyring,
  limitBoundingCapabilities,
  resetSignals,
  setCapabilities,
  setGroup,
  setGroups,
  setHostname,
  setLimit,
  setUser,
  startSession,
  unshare,
  type ResourceLimit,
} from '../../linux/index.ts'
import type { LaunchRequest, LaunchStatus } from './launch-request.ts'
import { mountView } from './mount-view.ts'

/** What the launcher has ready, so that the new process need not. */
export interface EntryTools {
  /** Descriptors of the launcher, which the new process has as well. */
  readonly descriptors: LaunchRequest['descriptors']
  readonly seccompProgram: Uint8Array | undefined
  /** The launcher has none for itself. */
  readonly coreLimit: ResourceLimit
}

/** Turns this process, fresh from `cloneSibling()`, into the one that was asked for. What goes wrong is told on the status descriptor. */
export function enterSandbox(request: LaunchRequest, tools: EntryTools): never {
  const status = tools.descriptors[3]
  let step = 'begin'
  const at = (name: string): void => {
    step = name
  }
  try {
    tell(status, { kind: 'begun' })
    confine(request, tools, at)
    tell(status, { kind: 'executing' })
    at('execve')
    execve(request.path, request.argv, request.env)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    tell(status, { kind: 'failed', step, code, message: error instanceof Error ? error.message : String(error) })
  }
  exitNow(127)
}

function tell(fd: number, status: LaunchStatus): void {
  writeSync(fd, `${JSON.stringify(status)}\n`)
}

function confine(request: LaunchRequest, tools: EntryTools, at: (step: string) => void): void {
  const { confinement } = request
  process.umask(0)
  startSession()
  at('namespaces')
  if (confinement.kind === 'namespaces') {
    unshare(confinement.namespaces.filter((kind) => kind !== 'pid'))
    at('mounts')
    mountView(request.root, confinement)
    setHostname(confinement.hostname)
    if (confinement.namespaces.includes('network')) bringLoopbackUp()
  } else {
    becomeSubreaper()
    at('network')
    if (confinement.network === 'none') leaveNetwork()
    at('chroot')
    chroot(request.root)
    process.chdir('/')
  }
  at('keyring')
  leaveKeyring()
  at('descriptors')
  takeDescriptors(request, tools)
  at('limits')
  setLimit('core', tools.coreLimit)
  const infinite = (value: number): number => (value === -1 ? Infinity : value)
  for (const { name, soft, hard } of request.limits) setLimit(name, { soft: infinite(soft), hard: infinite(hard) })
  at('working directory')
  process.umask(0o022)
  process.chdir(request.cwd)
  dropPrivileges(request, tools, at)
  if (confinement.kind === 'chroot') dieWithParent()
  resetSignals()
}

/** A user namespace with a single group may not change the list, which then says nothing either. */
function dropGroups({ groups, gid }: LaunchRequest): void {
  try {
    setGroups(groups)
  } catch (error) {
    if (groups.some((group) => group !== gid) || !isErrno(error, 'EPERM')) throw error
  }
}

/** In somebody else's container the privilege for it may be missing; then that one's bounds stay. */
function limitBounding({ capabilities, confinement }: LaunchRequest): void {
  try {
    limitBoundingCapabilities(capabilities)
  } catch (error) {
    if (confinement.kind !== 'chroot' || !isErrno(error, 'EPERM')) throw error
  }
}

function leaveNetwork(): void {
  unshare(['network'])
  bringLoopbackUp()
}

function leaveKeyring(): void {
  try {
    joinNewSessionKeyring()
  } catch (error) {
    // No keys in this kernel, or hidden from containers, or as many keyrings as this user may have.
    if (!isErrno(error, 'ENOSYS', 'EPERM', 'EACCES', 'EDQUOT')) throw error
  }
}

function takeDescriptors({ uid, gid }: LaunchRequest, { descriptors }: EntryTools): void {
  const [input, output, error] = descriptors
  for (const [target, fd] of [input, output, error].entries()) {
    duplicateTo(fd, target)
    giveAway(target, uid, gid)
  }
  const firstOther = 3
  closeOnExecFrom(firstOther)
}

/** So that a user who is not root can open /dev/stdout. */
function giveAway(fd: number, uid: number, gid: number): void {
  try {
    if (uid !== 0) fchownSync(fd, uid, gid)
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'EINVAL')) throw error
  }
}

/** The filter comes before the capabilities go, since installing one takes CAP_SYS_ADMIN; it lets pass what follows. */
function dropPrivileges(request: LaunchRequest, { seccompProgram }: EntryTools, at: (step: string) => void): void {
  at('capabilities')
  limitBounding(request)
  at('seccomp')
  if (request.filtersSyscalls && seccompProgram !== undefined) installSeccompFilter(seccompProgram)
  at('user')
  dropGroups(request)
  setGroup(request.gid)
  // Any other user than root loses all capabilities by becoming it.
  setUser(request.uid)
  at('capabilities')
  if (request.uid === 0) setCapabilities(request.capabilities)
}
