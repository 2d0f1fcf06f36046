/** A static program for arm64 that prints `hello from arm64` and ends, byte by byte: nothing has to be installed to make it.
 *  @see https://man7.org/linux/man-pages/man5/elf.5.html */
export function armProgram(): Buffer {
  const [headerBytes, programHeaderBytes] = [64, 56]
  const entry = headerBytes + programHeaderBytes
  const address = 0x400000
  const code = Buffer.from(
    [
      '200080d2', // mov x0, #1         standard output
      'e1000010', // adr x1, message
      '220280d2', // mov x2, #17
      '080880d2', // mov x8, #64        write
      '010000d4', // svc #0
      '000080d2', // mov x0, #0
      'a80b80d2', // mov x8, #93        exit
      '010000d4', // svc #0
    ].join(''),
    'hex',
  )
  const body = Buffer.concat([code, Buffer.from('hello from arm64\n')])
  const file = Buffer.alloc(entry + body.length)
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  const [executable, arm64, loadable, readAndExecute] = [2, 183, 1, 5]
  file.writeUInt16LE(executable, 16)
  file.writeUInt16LE(arm64, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(BigInt(address + entry), 24)
  file.writeBigUInt64LE(BigInt(headerBytes), 32)
  for (const [index, size] of [headerBytes, programHeaderBytes, 1].entries()) file.writeUInt16LE(size, 52 + 2 * index)
  file.writeUInt32LE(loadable, headerBytes)
  file.writeUInt32LE(readAndExecute, headerBytes + 4)
  for (const offset of [16, 24]) file.writeBigUInt64LE(BigInt(address), headerBytes + offset)
  for (const offset of [32, 40]) file.writeBigUInt64LE(BigInt(file.length), headerBytes + offset)
  file.writeBigUInt64LE(0x10000n, headerBytes + 48)
  file.set(body, entry)
  return file
}
