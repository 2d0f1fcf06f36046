import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A member of an archive, just as it is to stand there: Python's tarfile writes what it is told, whatever that would do to who unpacks it. */
export interface Member {
  readonly name: string
  /** A file by default. */
  readonly type?: 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo'
  readonly content?: string
  /** Of a symlink or a hard link. */
  readonly to?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly major?: number
  readonly minor?: number
  /** Records of an extended header, which override what the header says. */
  readonly pax?: Readonly<Record<string, string>>
}

const program = `
import io, json, sys, tarfile
types = {'file': tarfile.REGTYPE, 'directory': tarfile.DIRTYPE, 'symlink': tarfile.SYMTYPE, 'hardlink': tarfile.LNKTYPE,
         'char': tarfile.CHRTYPE, 'block': tarfile.BLKTYPE, 'fifo': tarfile.FIFOTYPE}
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as archive:
    for member in json.load(sys.stdin):
        info = tarfile.TarInfo(member['name'])
        kind = member.get('type', 'file')
        info.type = types[kind]
        info.mode = member.get('mode', 0o755 if kind == 'directory' else 0o644)
        info.uid, info.gid = member.get('uid', 0), member.get('gid', 0)
        info.linkname = member.get('to', '')
        info.devmajor, info.devminor = member.get('major', 0), member.get('minor', 0)
        info.pax_headers = member.get('pax', {})
        content = member.get('content', '').encode()
        info.size = len(content) if kind == 'file' else 0
        archive.addfile(info, io.BytesIO(content))
`

export function makeArchive(path: string, members: readonly Member[]): void {
  execFileSync('python3', ['-c', program, path], { input: JSON.stringify(members), stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Writes a layout by hand with one image, `base`: the layers are archives, lowest first, uncompressed.
 *  @returns the layout's path */
export function makeLayout(folder: string, layers: readonly string[]): string {
  const layout = join(folder, 'hostile-layout')
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const put = (bytes: Uint8Array, mediaType: string) => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(layout, 'blobs/sha256', hex), bytes)
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${hex}`, size: bytes.length }
  }
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  const blobs = layers.map((path) => put(readFileSync(path), 'layer.v1.tar'))
  const architecture = { x64: 'amd64' }[process.arch as string] ?? process.arch
  const rootfs = { type: 'layers', diff_ids: blobs.map(({ digest }) => digest) }
  const config = put(json({ architecture, os: 'linux', config: { Env: ['PATH=/bin'] }, rootfs }), 'config.v1+json')
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = put(json({ schemaVersion: 2, mediaType, config, layers: blobs }), 'manifest.v1+json')
  const annotations = { 'org.opencontainers.image.ref.name': 'base' }
  writeFileSync(join(layout, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }))
  writeFileSync(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  return layout
}
