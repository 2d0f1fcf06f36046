import { encodeTarHeader, endMarker, noXattrs, paddingAfter, type TarEntry } from '../tar/index.ts'
import {
  blobFiles,
  byName,
  dockerManifestFile,
  indexFile,
  layoutMarker,
  type LayoutContent,
  type WrittenFile,
} from './layout-content.ts'

/** An OCI layout as a tar stream. The same image gives the same bytes: members sorted by name, no owner, no time.
 *  @throws {BuildError} `IMAGE_INVALID`, `DIGEST_MISMATCH`, and what `content.read` throws */
export async function* packOciArchive(content: LayoutContent): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pack([...(await blobFiles(content)), indexFile(content), layoutMarker])
}

/** As `packOciArchive`, with the `manifest.json` that `docker load` reads.
 *  @throws {BuildError} `UNSUPPORTED` for an image of several platforms, and as `packOciArchive` */
export async function* packDockerArchive(content: LayoutContent): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await dockerManifestFile(content)
  yield* pack([...(await blobFiles(content)), indexFile(content), manifest, layoutMarker])
}

async function* pack(files: readonly WrittenFile[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const path of ['blobs', 'blobs/sha256'])
    yield encodeTarHeader({ ...member, path, type: 'directory', mode: 0o755 })
  for (const { name, sizeBytes, read } of [...files].sort(byName)) {
    yield encodeTarHeader({ ...member, path: name, sizeBytes })
    yield* read()
    yield Buffer.alloc(paddingAfter(sizeBytes))
  }
  yield endMarker
}

const member: TarEntry = {
  path: '',
  type: 'file',
  mode: 0o444,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  sizeBytes: 0,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: noXattrs,
}
