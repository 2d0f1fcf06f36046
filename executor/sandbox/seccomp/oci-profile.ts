import { conditions, type SyscallCondition } from './conditions.ts'
import { allowedNames } from './syscall-table.ts'

/** @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp */
export interface OciSeccomp {
  readonly defaultAction: 'SCMP_ACT_ERRNO'
  readonly defaultErrnoRet: number
  readonly architectures: readonly string[]
  readonly syscalls: readonly OciSyscallRule[]
}

interface OciSyscallRule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
  readonly errnoRet?: number
  readonly args?: readonly OciArgument[]
}

interface OciArgument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_MASKED_EQ'
}

const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
  ppc64: ['SCMP_ARCH_PPC64LE'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
}

const [notPermitted, noSuchCall] = [1, 38]

/** The same profile as `seccompProgram()`, for runtimes that make the program themselves. `undefined`: not for this architecture. */
export function ociSeccomp(architecture: string): OciSeccomp | undefined {
  const names = architectures[architecture]
  if (names === undefined) return undefined
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: notPermitted,
    architectures: names,
    syscalls: [
      { names: allowedNames().filter((name) => !conditions.has(name)), action: 'SCMP_ACT_ALLOW' },
      ...[...conditions].flatMap(([name, condition]) => conditionalRules(name, condition)),
    ],
  }
}

function conditionalRules(name: string, condition: SyscallCondition): readonly OciSyscallRule[] {
  const allowIf = (argument: OciArgument): OciSyscallRule => ({
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [argument],
  })
  switch (condition.kind) {
    case 'unknown':
      return [{ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: noSuchCall }]
    case 'no-bits':
      return [allowIf({ index: condition.argument, value: condition.bits, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' })]
    case 'not':
      return [allowIf({ index: condition.argument, value: condition.value, op: 'SCMP_CMP_NE' })]
    case 'one-of':
      return condition.values.map((value) => allowIf({ index: condition.argument, value, op: 'SCMP_CMP_EQ' }))
    default:
      return condition satisfies never
  }
}
