/** Calls that are allowed for some arguments only, as Docker has it. Argument words are 32 bits: the calls look at no more. */
export type SyscallCondition =
  /** None of these bits may be set. */
  | { readonly kind: 'no-bits'; readonly argument: number; readonly bits: number }
  | { readonly kind: 'one-of'; readonly argument: number; readonly values: readonly number[] }
  | { readonly kind: 'not'; readonly argument: number; readonly value: number }
  /** Behaves as on a kernel that does not have the call. */
  | { readonly kind: 'unknown' }

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const namespaceBits = 0x7e020000

const vsock = 40

export const conditions: ReadonlyMap<string, SyscallCondition> = new Map<string, SyscallCondition>([
  ['clone', { kind: 'no-bits', argument: 0, bits: namespaceBits }],
  // Its flags are in memory, where a filter cannot look; C libraries fall back to clone.
  ['clone3', { kind: 'unknown' }],
  // Linux, BSD's uname, both with UNAME26, and "tell me".
  ['personality', { kind: 'one-of', argument: 0, values: [0, 8, 0x20000, 0x20008, 0xffffffff] }],
  // Reaches the hypervisor past every network namespace.
  ['socket', { kind: 'not', argument: 0, value: vsock }],
])
