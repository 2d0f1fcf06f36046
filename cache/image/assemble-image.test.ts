import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes, type ImageConfig, type ImagePlan } from '../../core/image.ts'
import { assembleImage, assembleIndex, type ImageLayer } from './index.ts'

const plan: ImagePlan = {
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
  author: undefined,
  config: {
    Shell: ['/bin/sh', '-c'],
    Labels: { b: '1 < 2 && 3 > 2', a: '' },
    Env: ['PATH=/bin'],
    Cmd: [],
    User: '',
    Healthcheck: { Retries: 3, Test: ['CMD', 'true'], Timeout: 0 },
  },
  created: undefined,
  history: [
    { created: '2020-02-02T02:02:02.5Z', created_by: 'the base' },
    { created_by: 'CMD []', comment: 'buildkit.dockerfile.v0', empty_layer: true },
  ],
}
const layer: ImageLayer = {
  diffId: digestOf('tar'),
  blob: { mediaType: mediaTypes.dockerLayerGzip, digest: digestOf('tar.gz'), size: 6, annotations: { b: '1', a: '2' } },
}
const parts = { plan, layers: [layer], created: new Date(0), mediaTypes: 'oci', annotations: undefined } as const

const text = ({ bytes }: { readonly bytes: Uint8Array }) => Buffer.from(bytes).toString()

test('the config has its members in the order of their names, as BuildKit writes it', () => {
  expect(text(assembleImage(parts).config)).toBe(
    '{"architecture":"arm","config":{"Env":["PATH=/bin"],"Labels":{"a":"","b":"1 \\u003c 2 \\u0026\\u0026 3 \\u003e 2"},' +
      '"Healthcheck":{"Test":["CMD","true"],"Retries":3},"Shell":["/bin/sh","-c"]},"created":"1970-01-01T00:00:00Z",' +
      '"history":[{"created":"2020-02-02T02:02:02.5Z","created_by":"the base"},{"created":"1970-01-01T00:00:00Z",' +
      '"created_by":"CMD []","comment":"buildkit.dockerfile.v0","empty_layer":true}],"os":"linux",' +
      `"rootfs":{"type":"layers","diff_ids":["${layer.diffId}"]},"variant":"v7"}`,
  )
})

test('the manifest is indented, and calls the layers what its family calls them', () => {
  const { manifest, config } = assembleImage(parts)
  expect(text(manifest)).toBe(`{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "${config.descriptor.digest}",
    "size": ${config.bytes.length}
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "${layer.blob.digest}",
      "size": 6,
      "annotations": {
        "a": "2",
        "b": "1"
      }
    }
  ]
}`)
  expect(manifest.descriptor).toEqual({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(manifest.bytes),
    size: manifest.bytes.length,
    platform: { architecture: 'arm', os: 'linux', variant: 'v7' },
  })
})

test.each([
  [mediaTypes.ociLayer, mediaTypes.dockerLayer],
  [mediaTypes.ociLayerGzip, mediaTypes.dockerLayerGzip],
  [mediaTypes.ociLayerZstd, mediaTypes.dockerLayerZstd],
  [mediaTypes.dockerLayerGzip, mediaTypes.dockerLayerGzip],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', mediaTypes.dockerLayerGzip],
  ['application/x-nobody-knows', 'application/x-nobody-knows'],
])('a layer of type %s is %s in a docker manifest', (mediaType, expected) => {
  const { manifest, config } = assembleImage({
    ...parts,
    layers: [{ ...layer, blob: { ...layer.blob, mediaType } }],
    mediaTypes: 'docker',
  })
  expect(JSON.parse(text(manifest))).toMatchObject({ layers: [{ mediaType: expected }] })
  expect(manifest.descriptor.mediaType).toBe(mediaTypes.dockerManifest)
  expect(config.descriptor.mediaType).toBe(mediaTypes.dockerConfig)
})

test('an image without layers and times has empty lists, no null', () => {
  const { manifest, config } = assembleImage({
    ...parts,
    plan: { ...plan, config: {}, history: [] },
    layers: [],
    created: undefined,
  })
  expect(text(config)).toBe(
    '{"architecture":"arm","config":{},"history":[],"os":"linux","rootfs":{"type":"layers","diff_ids":[]},"variant":"v7"}',
  )
  expect(JSON.parse(text(manifest))).toMatchObject({ layers: [] })
})

test('equal parts in another order of members give equal bytes', () => {
  const config = Object.fromEntries(Object.entries(plan.config).reverse()) as ImageConfig
  expect(assembleImage({ ...parts, plan: { ...plan, config } }).config.descriptor.digest).toBe(
    assembleImage(parts).config.descriptor.digest,
  )
})

test('a history that disagrees with the layers is our bug', () => {
  expect(() => assembleImage({ ...parts, layers: [] })).toThrow('the history tells of 1 layers, but there are 0')
})

test('an index lists manifests with their platforms', () => {
  const { manifest } = assembleImage(parts)
  const index = assembleIndex({ manifests: [manifest.descriptor], mediaTypes: 'docker', annotations: { a: 'b' } })
  expect(index.descriptor).toEqual({
    mediaType: mediaTypes.dockerManifestList,
    digest: digestOf(index.bytes),
    size: index.bytes.length,
  })
  expect(text(index)).toBe(`{
  "schemaVersion": 2,
  "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
  "manifests": [
    {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "${manifest.descriptor.digest}",
      "size": ${manifest.bytes.length},
      "platform": {
        "architecture": "arm",
        "os": "linux",
        "variant": "v7"
      }
    }
  ],
  "annotations": {
    "a": "b"
  }
}`)
})
