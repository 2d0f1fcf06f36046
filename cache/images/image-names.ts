import type { Descriptor } from '../../core/image.ts'
import type { FactStore } from '../facts/index.ts'

/** What local image names stand for: `docker.io/library/app:1` -> a manifest or an index, whose blobs are in the store. */
export interface ImageNames {
  /** Replaces what the name stood for.
   *  @throws {BuildError} `DISK_FULL` */
  set(name: string, image: NamedImage): void
  /** `undefined`: no image has the name. */
  find(name: string): NamedImage | undefined
  /** Sorted by name. */
  list(): readonly (NamedImage & { readonly name: string })[]
  /** Idempotent. Removes no blob. */
  remove(name: string): void
}

export interface NamedImage {
  /** Of the manifest or the index. */
  readonly descriptor: Descriptor
  readonly createdAt: Date
}

const kind = 'image-name'

/** Names are taken as they are given: write them in full (`formatReference`). */
export function openImageNames(facts: FactStore): ImageNames {
  return {
    set: (name, { descriptor, createdAt }) => facts.put(kind, name, { descriptor, createdAtMs: createdAt.getTime() }),
    find: (name) => readNamedImage(facts.find(kind, name)),
    list: () =>
      facts
        .list(kind)
        .flatMap(({ key, value }) => {
          const image = readNamedImage(value)
          return image === undefined ? [] : [{ name: key, ...image }]
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    remove: (name) => facts.delete(kind, name),
  }
}

function readNamedImage(value: unknown): NamedImage | undefined {
  if (value === undefined) return undefined
  const { descriptor, createdAtMs } = value as { descriptor: Descriptor; createdAtMs: number } // as set() wrote it
  return { descriptor, createdAt: new Date(createdAtMs) }
}
