/** One process in a root file system of its own, as isolated as this machine lets us. */
export { openSandbox, type SandboxOptions } from './probe.ts'
export { removeLeftoverCgroups } from './cgroups.ts'
export { noDeviceGuard, openDeviceGuard, type DeviceGuard } from './device-guard.ts'
export type { IsolationName, Sandbox, SandboxExit, SandboxIo, SandboxMount, SandboxProcess } from './sandbox.ts'
