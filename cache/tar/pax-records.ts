/** `<length> <name>=<value>\n` each, sorted by name. The length counts itself. */
export function encodePaxRecords(records: ReadonlyMap<string, Uint8Array | string>): Buffer {
  const names = [...records.keys()].sort()
  return Buffer.concat(names.map((name) => encodeRecord(name, records.get(name) ?? '')))
}

function encodeRecord(name: string, value: Uint8Array | string): Buffer {
  const body = Buffer.concat([Buffer.from(` ${name}=`), Buffer.from(value as Uint8Array), Buffer.from('\n')])
  let length = body.length
  while (length !== body.length + String(length).length) length = body.length + String(length).length
  return Buffer.concat([Buffer.from(String(length)), body])
}

/** `undefined` where the bytes are no PAX records. Values stay bytes: an extended attribute is rarely text. */
export function findPaxRecords(bytes: Buffer): ReadonlyMap<string, Buffer> | undefined {
  const records = new Map<string, Buffer>()
  let start = 0
  while (start < bytes.length && bytes[start] !== 0) {
    const space = bytes.indexOf(0x20, start)
    const digits = space < 0 || space - start > 10 ? '' : bytes.toString('latin1', start, space)
    if (!/^[0-9]+$/.test(digits)) return undefined
    const end = start + Number(digits)
    const equals = bytes.indexOf(0x3d, space)
    if (end > bytes.length || equals < 0 || equals >= end - 1 || bytes[end - 1] !== 0x0a) return undefined
    records.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1))
    start = end
  }
  return records
}
