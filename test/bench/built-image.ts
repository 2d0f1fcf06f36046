import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { withGzipLayers } from '../support/gzip-layers.ts'
import { unpackWithUmoci } from '../support/tree.ts'
import type { Builder, BuildRequest } from './builders/builder.ts'
import { time } from './command.ts'

/** An image that a builder made, as programs that are not builders see it. */
export interface BuiltImage {
  /** Folder with its files, unpacked by umoci. */
  readonly root: string
  /** Of its layers, compressed; of the archive, if it went into one. */
  readonly sizeBytes: number
}

/** Fetches what the builder has built. An image that stayed in the builder's store is built once more, into the registry: all its steps are known.
 *  @param folder an empty one, for the files */
export async function fetchBuilt(
  builder: Builder,
  request: BuildRequest,
  registry: string,
  folder: string,
): Promise<BuiltImage> {
  const layout = join(folder, 'layout')
  const { output } = request
  if (output.kind === 'archive') {
    mkdirSync(layout)
    execFileSync('tar', ['-xf', output.path, '-C', layout])
  } else {
    const pushed = output.kind === 'registry' ? request : inRegistry(request, builder, registry)
    if (output.kind === 'store') await time(builder.commands(pushed))
    execFileSync('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      `docker://${pushed.name}`,
      `oci:${layout}:built`,
    ])
  }
  const sizeBytes = output.kind === 'archive' ? statSync(output.path).size : layerBytes(layout)
  return { root: unpack(layout, folder), sizeBytes }
}

function inRegistry({ context, name }: BuildRequest, builder: Builder, registry: string): BuildRequest {
  return { context, name: `${registry}/${name}-${builder.name}:latest`, output: { kind: 'registry' } }
}

interface Layout {
  readonly manifests: readonly { readonly annotations?: Readonly<Record<string, string>>; readonly digest: string }[]
}

interface Manifest {
  readonly layers: readonly { readonly mediaType: string; readonly size: number }[]
}

function layersOf(layout: string): Manifest['layers'] {
  const [{ digest } = { digest: '' }] = (readJson(join(layout, 'index.json')) as Layout).manifests
  return (readJson(join(layout, 'blobs', digest.replace(':', '/'))) as Manifest).layers
}

function layerBytes(layout: string): number {
  return layersOf(layout).reduce((sum, { size }) => sum + size, 0)
}

/** @param folder for what it takes
 *  @returns the folder of the root file system */
function unpack(layout: string, folder: string): string {
  const [first] = (readJson(join(layout, 'index.json')) as Layout).manifests
  const tag = first?.annotations?.['org.opencontainers.image.ref.name'] ?? ''
  const hasZstd = layersOf(layout).some(({ mediaType }) => mediaType.endsWith('zstd'))
  const readable = hasZstd ? withGzipLayers(layout, tag, join(folder, 'repacked')) : layout
  return unpackWithUmoci(readable, tag, join(folder, 'unpacked'))
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
