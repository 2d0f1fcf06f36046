import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { layerCount, makeLargeLayers } from './large-layers.ts'
import type { Place } from './workload.ts'

/** The image of 1 GB that workloads pull from the registry. */
export interface LargeBase {
  /** In the registry. */
  readonly name: string
  /** An OCI layout that has it too. */
  readonly layout: string
  /** Where the files of its layers lie, but for the lowest, which is busybox. */
  readonly files: string
  /** Of its layers, from the lowest. */
  readonly digests: readonly string[]
}

export function pushLargeBase({ folder, scale, registry, base }: Place): LargeBase {
  const layout = join(folder, 'layout')
  const files = join(folder, 'files')
  const name = `${registry}/large-base:latest`
  makeLargeLayers(files, scale)
  makeBase(layout, base.root, files)
  execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:base`, `docker://${name}`])
  return { name, layout, files, digests: layersOf(layout) }
}

/** An image `base` in an OCI layout: busybox, and each folder of large files as a layer. */
function makeBase(layout: string, root: string, files: string): void {
  const image = `${layout}:base`
  const umoci = (...args: readonly string[]): void => {
    execFileSync('umoci', args, { stdio: 'pipe' })
  }
  umoci('init', '--layout', layout)
  umoci('new', '--image', image)
  const archive = join(files, 'layer.tar')
  for (const folder of [root, ...Array.from({ length: layerCount }, (_, index) => join(files, `layer${index}`))]) {
    execFileSync('tar', ['-c', '--sort=name', '-f', archive, '-C', folder, '.'])
    umoci('raw', 'add-layer', '--image', image, archive)
  }
  umoci('config', '--image', image, '--config.env', 'PATH=/bin')
}

function layersOf(layout: string): readonly string[] {
  const text = execFileSync('skopeo', ['inspect', '--raw', `oci:${layout}:base`], { encoding: 'utf8' })
  const manifest = JSON.parse(text) as { readonly layers: readonly { readonly digest: string }[] }
  return manifest.layers.map(({ digest }) => digest)
}
