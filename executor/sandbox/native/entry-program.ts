import { ChildProgram, childIdentity as child, stringList, type CapabilityName } from '../../linux/index.ts'
import type { NamedLimit } from '../resource-limits.ts'
import type { Confinement } from './confinement.ts'
import { mountView } from './mount-view.ts'

/** Everything that a process becomes before its program runs. */
export interface Entry {
  readonly confinement: Confinement
  /** Path outside. */
  readonly root: string
  /** Of the program, as the process sees it. */
  readonly path: string
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  /** To be made where they are missing, in this order. */
  readonly directories: readonly string[]
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** Standard input, output and error. */
  readonly descriptors: readonly [number, number, number]
  readonly limits: readonly NamedLimit[]
  readonly capabilities: readonly CapabilityName[]
  /** `undefined`: all system calls are allowed. */
  readonly filter: Uint8Array | undefined
}

/** The system calls that confine a new process and give it its program. A failure names one of these steps: `namespaces`, `mounts`, `network`, `chroot`, `descriptors`,
 *  `limits`, `working directory`, `capabilities`, `seccomp`, `user`, `execve`. */
export function entryProgram(entry: Entry): ChildProgram {
  const program = new ChildProgram()
  const { confinement } = entry
  program.step('namespaces')
  program.call('umask', [0])
  child.startSession(program)
  if (confinement.kind === 'namespaces') {
    program.step('mounts')
    mountView(program, entry.root, confinement)
    child.setHostname(program, confinement.hostname)
    program.step('network')
    if (confinement.namespaces.includes('network')) child.bringLoopbackUp(program)
  } else {
    child.becomeSubreaper(program)
    program.step('network')
    if (confinement.network === 'none') {
      child.leaveNetwork(program)
      child.bringLoopbackUp(program)
    }
    program.step('chroot')
    child.enterChroot(program, entry.root)
  }
  child.leaveKeyring(program)
  program.step('descriptors')
  child.takeDescriptors(program, entry.descriptors, entry.uid, entry.gid)
  program.step('limits')
  for (const limit of entry.limits) child.setLimit(program, limit.name, limit)
  program.step('working directory')
  for (const path of entry.directories) child.makeDirectory(program, path)
  program.call('umask', [0o022])
  program.call('chdir', [entry.cwd])
  dropPrivileges(program, entry)
  if (confinement.kind === 'chroot') child.dieWithParent(program)
  child.resetSignals(program)
  program.step('execve')
  program.call('execve', [entry.path, stringList(entry.argv), stringList(entry.env)])
  return program
}

/** The filter comes before the capabilities go, since installing one takes CAP_SYS_ADMIN; it lets pass what follows. */
function dropPrivileges(program: ChildProgram, { confinement, capabilities, filter, uid, gid, groups }: Entry): void {
  program.step('capabilities')
  // In somebody else's container the privilege for it may be missing; then that one's bounds stay.
  child.limitBoundingCapabilities(program, capabilities, confinement.kind === 'chroot')
  program.step('seccomp')
  if (filter !== undefined) child.installSeccompFilter(program, filter)
  program.step('user')
  child.becomeUser(program, uid, gid, groups)
  program.step('capabilities')
  if (uid === 0) child.setCapabilities(program, capabilities)
}
