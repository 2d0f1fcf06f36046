import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { generateFiles } from '../generate.ts'
import { scaled } from './workload.ts'

export const layerCount = 5

/** Makes five folders that are 1 GB together, `layer0` to `layer4`, each with the files of a layer. */
export function makeLargeLayers(folder: string, scale: number): void {
  for (let index = 0; index < layerCount; index++) {
    const files = join(folder, `layer${index}`, `large${index}`)
    mkdirSync(files, { recursive: true })
    generateFiles(files, { seed: 10 + index, count: scaled(2_000, scale), totalBytes: 200e6 * scale })
  }
}
