import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/** Writes an image of an OCI layout anew with layers that umoci reads: it knows no zstd.
 *  @param folder a new one
 *  @returns a layout; the image has the same tag there */
export function withGzipLayers(layout: string, tag: string, folder: string): string {
  const copy = (...args: readonly string[]): void => {
    execFileSync('skopeo', ['copy', '--quiet', ...args], { stdio: 'pipe' })
  }
  mkdirSync(folder)
  copy('--dest-decompress', `oci:${layout}:${tag}`, `dir:${folder}/plain`)
  copy(`dir:${folder}/plain`, `oci:${folder}/gzip:${tag}`)
  return `${folder}/gzip`
}
