/** The system calls that Node has no function for. Each throws a `LinuxError`. Safe in worker threads; nothing is loaded before the
 *  first call. */
export { isErrno, LinuxError, type ErrnoName, type LinuxPath } from './linux-error.ts'
export { bindAllCalls } from './libc.ts'
export { isKernelAtLeast } from './kernel-release.ts'
// files
export { getXattr, listXattrNames, listXattrs, removeXattr, setXattr } from './xattrs.ts'
export { deviceNumber, makeNode } from './nodes.ts'
export { setFileTimes, setMtime } from './times.ts'
export { openInRoot, openNoFollow, openPathOnly } from './open-in-root.ts'
export { cloneFile, copyFileRange } from './copy-range.ts'
export { closeOnExecFrom, duplicateTo, openPipe, reopenDescriptor, type Pipe } from './descriptors.ts'
// mounts
export {
  addMountAttributes,
  attachMount,
  chroot,
  cloneMount,
  mount,
  mountAttributes,
  mountFlags,
  pivotRoot,
  unmount,
  type MountRequest,
} from './mount.ts'
export { createMount, type FileSystemOption, type NewMount } from './create-mount.ts'
export { mountOverlay, type OverlayMount } from './overlay.ts'
// processes
export {
  enterNamespace,
  isInsideUserNamespace,
  namespaceFlags,
  setHostname,
  unshare,
  type NamespaceKind,
} from './namespaces.ts'
export {
  boundingCapabilities,
  capabilityNames,
  effectiveCapabilities,
  keepCapabilities,
  limitBoundingCapabilities,
  setCapabilities,
  type CapabilityName,
} from './capabilities.ts'
export { setGroup, setGroups, setUser } from './credentials.ts'
export { findOpenFileLimit, getLimit, setLimit, type ResourceLimit } from './limits.ts'
export { cloneSibling, keepHeapAcrossFork } from './clone.ts'
export { installSeccompFilter } from './seccomp.ts'
export { joinNewSessionKeyring } from './keyring.ts'
export { bringLoopbackUp } from './loopback.ts'
export {
  becomeSubreaper,
  closeProcess,
  dieWithParent,
  execve,
  exitNow,
  ignoreInterrupts,
  openProcess,
  pollProcess,
  resetSignals,
  signalName,
  signalProcess,
  startSession,
  waitForProcess,
  type ProcessEnd,
} from './processes.ts'
export { killOrphans, processStat, reapOrphans, type ProcessStat } from './orphans.ts'
