import { gzipSync } from 'node:zlib'
import { putBytes, type BlobStore } from '../../cache/blobs/index.ts'
import { assembleImage, assembleIndex, type ImageLayer, type MediaTypeFamily } from '../../cache/image/index.ts'
import { encodeTarHeader, endMarker, noXattrs, paddingAfter } from '../../cache/tar/index.ts'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'

export const amd64: Platform = { os: 'linux', architecture: 'amd64' }
export const arm64: Platform = { os: 'linux', architecture: 'arm64' }

export interface SampleImage {
  readonly platform?: Platform
  readonly family?: MediaTypeFamily
  /** A layer each: path -> content. */
  readonly layers?: readonly Readonly<Record<string, string>>[]
}

/** Puts a small sound image into the store, and gives the descriptor of its manifest. */
export async function putSampleImage(blobs: BlobStore, sample: SampleImage = {}): Promise<Descriptor> {
  const { platform = amd64, family = 'oci', layers = [{ 'etc/motd': 'hello\n' }, { 'etc/issue': 'stave\n' }] } = sample
  const packed: ImageLayer[] = []
  for (const files of layers) {
    const tar = tarOf(files)
    const { digest, sizeBytes } = await putBytes(blobs, gzipSync(tar))
    packed.push({ diffId: digestOf(tar), blob: { mediaType: mediaTypes.ociLayerGzip, digest, size: sizeBytes } })
  }
  const { manifest, config } = assembleImage({
    plan: {
      platform,
      author: undefined,
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
      created: undefined,
      history: packed.map((_, index) => ({ created_by: `step ${index}` })),
    },
    layers: packed,
    created: new Date(0),
    mediaTypes: family,
  })
  await putBytes(blobs, config.bytes)
  await putBytes(blobs, manifest.bytes)
  return manifest.descriptor
}

/** Puts an image for amd64 and arm64 into the store, and gives the descriptor of its index. */
export async function putSampleIndex(blobs: BlobStore, family: MediaTypeFamily = 'oci'): Promise<Descriptor> {
  const manifests: Descriptor[] = []
  for (const platform of [amd64, arm64]) {
    manifests.push(await putSampleImage(blobs, { platform, family, layers: [{ arch: platform.architecture }] }))
  }
  const index = assembleIndex({ manifests, mediaTypes: family })
  await putBytes(blobs, index.bytes)
  return index.descriptor
}

export function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const members = Object.entries(files).flatMap(([path, text]) => {
    const body = Buffer.from(text)
    const header = encodeTarHeader({
      path,
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtimeSeconds: 0,
      sizeBytes: body.length,
      linkName: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: noXattrs,
    })
    return [header, body, Buffer.alloc(paddingAfter(body.length))]
  })
  return Buffer.concat([...members, endMarker])
}
