export { openOciSandbox, type OciOptions } from './oci-sandbox.ts'
export { findRuntime, type Runtime, type RuntimeName } from './runtime.ts'
