import { encodeTarHeader, endMarker, noXattrs, paddingAfter, type TarEntry } from '../../cache/tar/index.ts'

/** An entry of an archive as a test wants it: what is not said is a root-owned file or directory as most are. */
export type SampleEntry = Partial<Omit<TarEntry, 'sizeBytes'>> & { readonly path: string; readonly content?: string }

/** An archive of just these entries in just this order, however little sense they make. */
export function archiveOf(entries: readonly SampleEntry[]): Buffer {
  const members = entries.flatMap(({ content = '', ...entry }) => {
    const type = entry.type ?? 'file'
    const body = Buffer.from(type === 'file' ? content : '')
    const header = encodeTarHeader({
      mode: type === 'directory' ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtimeSeconds: 0,
      linkName: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: noXattrs,
      ...entry,
      type,
      sizeBytes: body.length,
    })
    return [header, body, Buffer.alloc(paddingAfter(body.length))]
  })
  return Buffer.concat([...members, endMarker])
}
