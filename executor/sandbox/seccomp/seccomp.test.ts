import { expect, test } from 'vitest'
import { hasFilter, ociSeccomp, seccompProgram, type FilterArchitecture } from './index.ts'
import { allowedSyscalls, lastKnownSyscall } from './syscall-table.ts'

const audit = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 } as const
const [allow, notPermitted, noSuchCall, kill] = [0x7fff0000, 0x00050001, 0x00050026, 0x80000000]

/** Runs a program as the kernel would, but checks more: every jump goes forward and stays inside. */
function verdictOf(program: Uint8Array, architecture: number, number: number, firstArgument = 0): number {
  const bytes = Buffer.from(program)
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number, 0)
  data.writeUInt32LE(architecture, 4)
  data.writeUInt32LE(firstArgument, 16)
  let loaded = 0
  for (let at = 0; at < bytes.length / 8; at++) {
    const [code, ifTrue, ifFalse] = [
      bytes.readUInt16LE(8 * at),
      bytes.readUInt8(8 * at + 2),
      bytes.readUInt8(8 * at + 3),
    ]
    const value = bytes.readUInt32LE(8 * at + 4)
    const jump = (taken: boolean): number => (at += taken ? ifTrue : ifFalse)
    if (code === 0x20) loaded = data.readUInt32LE(value)
    else if (code === 0x15) jump(loaded === value)
    else if (code === 0x35) jump(loaded >= value)
    else if (code === 0x45) jump((loaded & value) !== 0)
    else if (code === 0x05) at += value
    else if (code === 0x06) return value
    else throw new Error(`no such instruction: ${String(code)}`)
  }
  throw new Error('the program runs off its end')
}

const sides = [
  ['x64', 'x86_64'],
  ['x64', 'i386'],
  ['arm64', 'aarch64'],
  ['arm64', 'arm'],
] as const

test.each(sides)('the program for %s lets %s make exactly the calls of the table', (machine, side) => {
  const program = seccompProgram(machine)
  const allowed = new Map(allowedSyscalls(side).map(({ name, number }) => [number, name]))
  const conditional = new Set(['clone', 'clone3', 'personality', 'socket'])
  for (let number = 0; number <= lastKnownSyscall + 200; number++) {
    const name = allowed.get(number)
    if (name !== undefined && conditional.has(name)) continue
    const unknown = number > lastKnownSyscall ? noSuchCall : notPermitted
    expect([number, verdictOf(program, audit[side], number)]).toEqual([number, name === undefined ? unknown : allow])
  }
})

test.each(sides)('the program for %s looks at the arguments of calls from %s', (machine, side) => {
  const program = seccompProgram(machine)
  const call = (name: string, argument: number): number => {
    const number = allowedSyscalls(side).find((entry) => entry.name === name)?.number ?? -1
    return verdictOf(program, audit[side], number, argument)
  }
  const [newUser, newNet, signalChild, thread] = [0x10000000, 0x40000000, 17, 0x3d0f00]
  expect([newUser, newNet, newUser | signalChild].map((flags) => call('clone', flags))).toEqual(
    Array(3).fill(notPermitted),
  )
  expect([signalChild, thread].map((flags) => call('clone', flags))).toEqual([allow, allow])
  expect(call('clone3', 0)).toBe(noSuchCall)
  expect([0, 8, 0x20000, 0x20008, 0xffffffff].map((value) => call('personality', value))).toEqual(Array(5).fill(allow))
  expect([0x40000, 1].map((value) => call('personality', value))).toEqual([notPermitted, notPermitted])
  expect([1, 2, 10, 16, 40].map((family) => call('socket', family))).toEqual([allow, allow, allow, allow, notPermitted])
})

test('calls that reach past the sandbox are refused', () => {
  const program = seccompProgram('x64')
  const dangerous = {
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    unshare: 272,
    setns: 308,
    bpf: 321,
    keyctl: 250,
    kexec_load: 246,
    init_module: 175,
    open_by_handle_at: 304,
    io_uring_setup: 425,
    userfaultfd: 323,
    perf_event_open: 298,
    reboot: 169,
    settimeofday: 164,
    fsopen: 430,
    move_mount: 429,
    mount_setattr: 442,
  }
  for (const [name, number] of Object.entries(dangerous))
    expect([name, verdictOf(program, audit.x86_64, number)]).toEqual([name, notPermitted])
})

test('a machine of another kind, and x32, are not let in', () => {
  expect(verdictOf(seccompProgram('x64'), audit.aarch64, 0)).toBe(kill)
  expect(verdictOf(seccompProgram('arm64'), audit.x86_64, 0)).toBe(kill)
  expect(verdictOf(seccompProgram('x64'), audit.x86_64, 0x40000000)).toBe(noSuchCall)
})

test('the kernel takes programs of this size', () => {
  const mostInstructions = 4096
  const machines: readonly FilterArchitecture[] = ['x64', 'arm64']
  for (const machine of machines) expect(seccompProgram(machine).length / 8).toBeLessThan(mostInstructions)
  expect(hasFilter('mips')).toBe(false)
})

test('runtimes get the same profile', () => {
  const profile = ociSeccomp('x64')
  const allowed = profile?.syscalls.find(({ args, action }) => args === undefined && action === 'SCMP_ACT_ALLOW')
  expect(allowed?.names).toContain('openat')
  expect(allowed?.names).not.toContain('mount')
  expect(allowed?.names).not.toContain('clone')
  expect(
    profile?.syscalls.filter(({ names }) => names[0] === 'personality').map(({ args }) => args?.[0]?.value),
  ).toEqual([0, 8, 0x20000, 0x20008, 0xffffffff])
  expect(profile).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 })
})
