import { mediaTypes } from '../../core/image.ts'

/** All of an image's media types come from one family: some registries refuse a mixture. */
export type MediaTypeFamily = 'oci' | 'docker'

const foreignDocker = 'application/vnd.docker.image.rootfs.foreign.diff.tar'
const foreignOci = 'application/vnd.oci.image.layer.nondistributable.v1.tar'

/** Each layer type with its namesakes. Layers once kept from distribution are pushed like any other by now. */
const layerTypes: readonly { readonly oci: string; readonly docker: string; readonly others: readonly string[] }[] = [
  { oci: mediaTypes.ociLayer, docker: mediaTypes.dockerLayer, others: [foreignDocker, foreignOci] },
  {
    oci: mediaTypes.ociLayerGzip,
    docker: mediaTypes.dockerLayerGzip,
    others: [`${foreignDocker}.gzip`, `${foreignOci}+gzip`],
  },
  { oci: mediaTypes.ociLayerZstd, docker: mediaTypes.dockerLayerZstd, others: [`${foreignOci}+zstd`] },
]

/** What the family calls a layer of this type; the content is the same. A type that nobody knows stays. */
export function layerTypeIn(family: MediaTypeFamily, mediaType: string): string {
  const row = layerTypes.find(({ oci, docker, others }) => [oci, docker, ...others].includes(mediaType))
  return row?.[family] ?? mediaType
}

export function manifestTypeIn(family: MediaTypeFamily): string {
  return family === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest
}

export function indexTypeIn(family: MediaTypeFamily): string {
  return family === 'oci' ? mediaTypes.ociIndex : mediaTypes.dockerManifestList
}

export function configTypeIn(family: MediaTypeFamily): string {
  return family === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig
}
