import { conditions, type SyscallCondition } from './conditions.ts'
import { allowedSyscalls, lastKnownSyscall, type TableArchitecture } from './syscall-table.ts'

/** One instruction of classic BPF: `struct sock_filter`. */
interface Instruction {
  readonly code: number
  readonly ifTrue: number
  readonly ifFalse: number
  readonly value: number
}

/** Instructions that always come to a verdict: blocks can stand behind each other in any order. */
type Block = readonly Instruction[]

/** @see https://www.kernel.org/doc/html/latest/networking/filter.html */
const codes = {
  load: 0x20,
  jump: 0x05,
  jumpIfEqual: 0x15,
  jumpIfAtLeast: 0x35,
  jumpIfBits: 0x45,
  verdict: 0x06,
} as const

const verdicts = { allow: 0x7fff0000, error: 0x00050000, killProcess: 0x80000000 } as const
const [notPermitted, noSuchCall] = [1, 38]

/** `struct seccomp_data`, in bytes, on a little-endian machine. */
const numberOffset = 0
const architectureOffset = 4
const argumentsOffset = 16

/** `AUDIT_ARCH_*` */
const auditNames: Readonly<Record<TableArchitecture, number>> = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
}

const allow = verdict(verdicts.allow)
const refuse = verdict(verdicts.error | notPermitted)
const deny = verdict(verdicts.error | noSuchCall)

export type FilterArchitecture = 'x64' | 'arm64'

export function hasFilter(architecture: string): architecture is FilterArchitecture {
  return architecture === 'x64' || architecture === 'arm64'
}

/** Docker's default profile as a program for the kernel, 8 bytes an instruction. Programs for the 32-bit side of the machine have their own
 *  numbers, and their own tree. */
export function seccompProgram(architecture: FilterArchitecture): Uint8Array {
  const [native, compatible] = architecture === 'x64' ? (['x86_64', 'i386'] as const) : (['aarch64', 'arm'] as const)
  return assemble([
    load(architectureOffset),
    ...branch(
      codes.jumpIfEqual,
      auditNames[native],
      [load(numberOffset), ...(native === 'x86_64' ? withoutX32(syscallTree(native)) : syscallTree(native))],
      branch(
        codes.jumpIfEqual,
        auditNames[compatible],
        [load(numberOffset), ...syscallTree(compatible)],
        verdict(verdicts.killProcess),
      ),
    ),
  ])
}

/** x32 shares the architecture's name and sets a bit of the number. Hardly a kernel has it, so none of ours does. */
function withoutX32(tree: Block): Block {
  const x32Bit = 0x40000000
  return branch(codes.jumpIfAtLeast, x32Bit, deny, tree)
}

interface Interval {
  readonly from: number
  readonly verdict: Block
}

/** A binary search for the number among intervals of equal treatment. */
function syscallTree(architecture: TableArchitecture): Block {
  return search(intervals(architecture))
}

function search(intervals: readonly Interval[]): Block {
  const middle = intervals.length >> 1
  const [only, split] = [intervals[0], intervals[middle]]
  if (only === undefined || split === undefined) return refuse
  if (intervals.length === 1) return only.verdict
  return branch(codes.jumpIfAtLeast, split.from, search(intervals.slice(middle)), search(intervals.slice(0, middle)))
}

function intervals(architecture: TableArchitecture): readonly Interval[] {
  const found: Interval[] = [{ from: 0, verdict: refuse }]
  const add = (from: number, verdict: Block): void => {
    const last = found.at(-1)
    if (last?.from === from) found.pop()
    if (found.at(-1)?.verdict !== verdict) found.push({ from, verdict })
  }
  let next = 0
  for (const { name, number } of allowedSyscalls(architecture)) {
    if (number > lastKnownSyscall && next <= lastKnownSyscall) add(lastKnownSyscall + 1, deny)
    const condition = conditions.get(name)
    add(number, condition === undefined ? allow : conditional(condition))
    next = number + 1
    add(next, next > lastKnownSyscall ? deny : refuse)
  }
  if (next <= lastKnownSyscall) add(lastKnownSyscall + 1, deny)
  return found
}

function conditional(condition: SyscallCondition): Block {
  switch (condition.kind) {
    case 'unknown':
      return deny
    case 'no-bits':
      return [loadArgument(condition.argument), ...branch(codes.jumpIfBits, condition.bits, refuse, allow)]
    case 'not':
      return [loadArgument(condition.argument), ...branch(codes.jumpIfEqual, condition.value, refuse, allow)]
    case 'one-of': {
      const tests = condition.values.reduce<Block>(
        (rest, value) => branch(codes.jumpIfEqual, value, allow, rest),
        refuse,
      )
      return [loadArgument(condition.argument), ...tests]
    }
    default:
      return condition satisfies never
  }
}

function branch(code: number, value: number, whenTrue: Block, whenFalse: Block): Block {
  const farthest = 255
  if (whenTrue.length <= farthest)
    return [{ code, ifTrue: 0, ifFalse: whenTrue.length, value }, ...whenTrue, ...whenFalse]
  const over: Instruction = { code: codes.jump, ifTrue: 0, ifFalse: 0, value: whenTrue.length }
  return [{ code, ifTrue: 1, ifFalse: 0, value }, over, ...whenTrue, ...whenFalse]
}

function load(offset: number): Instruction {
  return { code: codes.load, ifTrue: 0, ifFalse: 0, value: offset }
}

function loadArgument(index: number): Instruction {
  return load(argumentsOffset + 8 * index)
}

function verdict(value: number): Block {
  return [{ code: codes.verdict, ifTrue: 0, ifFalse: 0, value }]
}

function assemble(program: Block): Uint8Array {
  const bytes = Buffer.alloc(8 * program.length)
  for (const [index, { code, ifTrue, ifFalse, value }] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * index)
    bytes.writeUInt8(ifTrue, 8 * index + 2)
    bytes.writeUInt8(ifFalse, 8 * index + 3)
    bytes.writeUInt32LE(value >>> 0, 8 * index + 4)
  }
  return bytes
}
