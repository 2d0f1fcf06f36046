/** What a build step may ask of the kernel: Docker's default profile, as data for OCI runtimes and as a program for the kernel itself. */
export { hasFilter, seccompProgram, type FilterArchitecture } from './bpf-program.ts'
export { ociSeccomp, type OciSeccomp } from './oci-profile.ts'
