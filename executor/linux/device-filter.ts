import { closeSync, openSync } from 'node:fs'
import { addressOf, checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

const bpf = libcFunction<[number, number, Uint8Array, number]>(
  'long syscall(long number, int command, const void *attributes, unsigned int size)',
)

/** A character device that may be read and written. */
export interface AllowedDevice {
  readonly major: number
  /** `undefined`: any. */
  readonly minor: number | undefined
}

/** Lets the processes of a control group of version 2, and those below it, read and write these devices and no other. Nodes of any may be made. Needs CAP_SYS_ADMIN
 *  or CAP_BPF. Holds as long as the group is there.
 *  @throws {LinuxError} `EPERM`; `EINVAL` and `ENOSYS` from a kernel that cannot
 *  @see https://docs.kernel.org/bpf/prog_cgroup_device.html */
export function limitDevices(group: string, allowed: readonly AllowedDevice[]): void {
  const [load, attach] = [5, 8]
  const [deviceProgram, deviceAttachment, alongOthers] = [15, 6, 2]
  const program = deviceProgramOf(allowed)
  const license = fixed(Buffer.from('GPL\0'))
  // union bpf_attr of BPF_PROG_LOAD: type, number of instructions, where they and the licence are.
  const description = attributes(128, (view) => {
    view.setUint32(0, deviceProgram, true)
    view.setUint32(4, program.byteLength / 8, true)
    view.setBigUint64(8, addressOf(program), true)
    view.setBigUint64(16, addressOf(license), true)
  })
  const number = syscallNumber('bpf')
  const programFd = checked(bpf(number, load, description, description.byteLength), 'bpf')
  const groupFd = openSync(group, 'r')
  try {
    const attachment = attributes(16, (view) => {
      view.setUint32(0, groupFd, true)
      view.setUint32(4, programFd, true)
      view.setUint32(8, deviceAttachment, true)
      view.setUint32(12, alongOthers, true)
    })
    checked(bpf(number, attach, attachment, attachment.byteLength), 'bpf', group)
  } finally {
    closeSync(groupFd)
    closeSync(programFd)
  }
}

/** Instructions of 8 bytes: operation, registers, offset, number.
 *  @see https://docs.kernel.org/bpf/standardization/instruction-set.html */
function deviceProgramOf(allowed: readonly AllowedDevice[]): Uint8Array {
  const [loadWord, copy, set, shiftRight, and, jumpIfEqual, jumpIfOther, exit] = [
    ...[0x61, 0xbf, 0xb7, 0x77, 0x57, 0x15, 0x55, 0x95],
  ] as const
  const [result, context, type, access, major, minor] = [0, 1, 2, 3, 4, 5]
  const [makeNode, characterDevice] = [1, 2]
  const code: { readonly bytes: Buffer; readonly jump: 'allow' | 'deny' | undefined }[] = []
  const add = (
    operation: number,
    to: number,
    {
      from = 0,
      offset = 0,
      value = 0,
      jump,
    }: { from?: number; offset?: number; value?: number; jump?: 'allow' | 'deny' } = {},
  ): void => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt8(operation, 0)
    bytes.writeUInt8(to | (from << 4), 1)
    bytes.writeInt16LE(offset, 2)
    bytes.writeInt32LE(value, 4)
    code.push({ bytes, jump })
  }
  // struct bpf_cgroup_dev_ctx: type and access in one word, major, minor.
  add(loadWord, type, { from: context })
  add(copy, access, { from: type })
  add(shiftRight, access, { value: 16 })
  add(and, type, { value: 0xffff })
  add(loadWord, major, { from: context, offset: 4 })
  add(loadWord, minor, { from: context, offset: 8 })
  add(jumpIfEqual, access, { value: makeNode, jump: 'allow' })
  add(jumpIfOther, type, { value: characterDevice, jump: 'deny' })
  for (const device of allowed) {
    if (device.minor === undefined) add(jumpIfEqual, major, { value: device.major, jump: 'allow' })
    else {
      add(jumpIfOther, major, { value: device.major, offset: 1 })
      add(jumpIfEqual, minor, { value: device.minor, jump: 'allow' })
    }
  }
  const deny = code.length
  add(set, result, { value: 0 })
  add(exit, 0)
  const allow = code.length
  add(set, result, { value: 1 })
  add(exit, 0)
  for (const [index, { bytes, jump }] of code.entries()) {
    if (jump !== undefined) bytes.writeInt16LE((jump === 'allow' ? allow : deny) - index - 1, 2)
  }
  return fixed(Buffer.concat(code.map(({ bytes }) => bytes)))
}

function attributes(size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size)
  fill(new DataView(bytes.buffer))
  return bytes
}

/** Memory that the collector does not move. */
function fixed(bytes: Buffer): Uint8Array {
  const own = Buffer.allocUnsafeSlow(bytes.byteLength)
  bytes.copy(own)
  return own
}
