/** The system calls that Node has no function for. Each throws a `LinuxError`. Safe in worker threads; nothing is loaded before the
 *  first call. */
export { isErrno, LinuxError, type ErrnoName, type LinuxPath } from './linux-error.ts'
export { isKernelAtLeast } from './kernel-release.ts'
// files
export { getXattr, listXattrNames, listXattrs, removeXattr, setXattr } from './xattrs.ts'
export { deviceNumber, makeNode } from './nodes.ts'
export { setFileTimes, setMtime } from './times.ts'
export { openInRoot, openNoFollow, openPathOnly } from './open-in-root.ts'
export { cloneFile, copyFileRange } from './copy-range.ts'
export { openPipe, type Pipe } from './descriptors.ts'
export { scatterFolders } from './scatter-folders.ts'
// mounts
export {
  addMountAttributes,
  attachMount,
  attachMountOnto,
  cloneMount,
  descriptorPath,
  mount,
  mountAttributes,
  mountFlags,
  unmount,
  type MountRequest,
} from './mount.ts'
export { createMount, type FileSystemOption, type NewMount } from './create-mount.ts'
export { mountOverlay, type OverlayMount } from './overlay.ts'
// processes
export { isInsideUserNamespace, type NamespaceKind } from './namespaces.ts'
export { boundingCapabilities, capabilityNames, effectiveCapabilities, type CapabilityName } from './capabilities.ts'
export { findOpenFileLimit, getLimit, type ResourceLimit } from './limits.ts'
export {
  becomeSubreaper,
  closeProcess,
  openProcess,
  pollProcess,
  signalName,
  signalProcess,
  waitForProcess,
  type ProcessEnd,
} from './processes.ts'
export { killOrphans, processStat, reapOrphans, type ProcessStat } from './orphans.ts'
// other libraries
export { findLibzstd, type Libzstd } from './zstd.ts'
// devices
export { limitDevices, type AllowedDevice } from './device-filter.ts'
// a new process
export {
  ChildProgram,
  ChildProgramError,
  isChildProgramAvailable,
  stringList,
  type CallResult,
} from './child/child-program.ts'
export { ChildMounts } from './child/child-mounts.ts'
export * as childIdentity from './child/child-identity.ts'
