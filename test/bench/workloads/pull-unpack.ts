import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertFiles, assertSameTree } from '../checks.ts'
import { shell } from '../command.ts'
import { layerCount, makeLargeLayers } from './large-layers.ts'
import type { Workload } from './workload.ts'

const layers = Array.from({ length: layerCount }, (_, index) => index)

/** A RUN on a base of 1 GB in a registry, of which nothing is here yet. */
export const pullUnpack: Workload = {
  name: 'pull-unpack',
  needs: 'umoci',
  prepare({ folder, scale, registry, base }) {
    const layout = join(folder, 'layout')
    const files = join(folder, 'files')
    const name = `${registry}/large-base:latest`
    makeLargeLayers(files, scale)
    makeBase(layout, base.root, files)
    execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:base`, `docker://${name}`])
    const context = writeFiles(join(folder, 'context'), { Dockerfile: `FROM ${name}\nRUN echo 1 > /one\n` })
    const unpacked = join(folder, 'unpacked')
    const blobs = blobsOf(layout).map((digest) => join(layout, 'blobs/sha256', digest))
    const unpack = blobs.map((blob) => `tar -xzf ${blob} -C ${unpacked}`)
    return {
      measurements: [
        {
          name: 'pull-unpack',
          setUp: (builder) => builder.forget(),
          request: () => ({ context, name: 'bench-pull-unpack', output: { kind: 'store' } }),
          check(root) {
            assertFiles(root, { one: '1\n' })
            for (const index of layers)
              assertSameTree(join(root, `large${index}`), join(files, `layer${index}`, `large${index}`))
          },
        },
      ],
      floors: [
        {
          name: '`tar -xz` of its layers',
          of: 'pull-unpack',
          setUp: shell(`rm -rf ${unpacked}; mkdir ${unpacked}`),
          commands: [shell(unpack.join('; '))],
        },
        { name: '`sha256sum` of its layers', of: 'pull-unpack', commands: [{ argv: ['sha256sum', ...blobs] }] },
      ],
    }
  },
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
  for (const folder of [root, ...layers.map((index) => join(files, `layer${index}`))]) {
    execFileSync('tar', ['-c', '--sort=name', '-f', archive, '-C', folder, '.'])
    umoci('raw', 'add-layer', '--image', image, archive)
  }
  umoci('config', '--image', image, '--config.env', 'PATH=/bin')
}

/** Digests of the layers, from the lowest. */
function blobsOf(layout: string): readonly string[] {
  const text = execFileSync('skopeo', ['inspect', '--raw', `oci:${layout}:base`], { encoding: 'utf8' })
  const manifest = JSON.parse(text) as { readonly layers: readonly { readonly digest: string }[] }
  return manifest.layers.map(({ digest }) => digest.replace('sha256:', ''))
}
