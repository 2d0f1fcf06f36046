import type { Descriptor, ImageConfig, ImageFile, ImageIndex, Manifest } from '../../core/image.ts'

/** Documents as other builders write them: Go spells an empty list `null`, and BuildKit does so for images without layers. */
export type RawManifest = Omit<Manifest, 'layers'> & { readonly layers?: readonly Descriptor[] | null | undefined }
export type RawIndex = Omit<ImageIndex, 'manifests'> & { readonly manifests?: readonly Descriptor[] | null | undefined }
export type RawImageFile = {
  readonly [name in keyof Omit<ImageFile, 'config' | 'rootfs' | 'history' | 'architecture' | 'os'>]:
    ImageFile[name] | null
} & {
  readonly architecture?: string | null | undefined
  readonly os?: string | null | undefined
  readonly config?: { readonly [name in keyof ImageConfig]: ImageConfig[name] | null } | null | undefined
  readonly rootfs?: { readonly diff_ids?: ImageFile['rootfs']['diff_ids'] | null | undefined } | null | undefined
  readonly history?: ImageFile['history'] | null | undefined
}

export function normaliseManifest(raw: RawManifest): Manifest {
  return { ...raw, layers: raw.layers ?? [] }
}

export function normaliseIndex(raw: RawIndex): ImageIndex {
  return { ...raw, manifests: raw.manifests ?? [] }
}

/** An image that names no platform is for linux/amd64, as Docker takes it. */
export function normaliseImageFile(raw: RawImageFile): ImageFile {
  return {
    ...withoutNulls(raw),
    architecture: raw.architecture ?? 'amd64',
    os: raw.os ?? 'linux',
    config: withoutNulls(raw.config ?? {}),
    rootfs: { type: 'layers', diff_ids: raw.rootfs?.diff_ids ?? [] },
    history: raw.history ?? [],
  }
}

function withoutNulls(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
}
