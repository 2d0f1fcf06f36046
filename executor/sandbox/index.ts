/** One process in a root file system of its own, as isolated as this machine lets us. */
export { openSandbox, type SandboxOptions } from './probe.ts'
export { removeLeftoverCgroups } from './oci/index.ts'
export type { IsolationName, Sandbox, SandboxExit, SandboxIo, SandboxMount, SandboxProcess } from './sandbox.ts'
