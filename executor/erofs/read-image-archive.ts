import { closeSync, openSync, readSync } from 'node:fs'
import { archiveOffset, findArchiveEnd } from './encode-metadata.ts'

const chunkBytes = 256 * 1024

/** The archive that an image was made of, in chunks that their reader may keep. One whose length is no multiple of a block ends with zeros here. */
export function* readImageArchive(image: string): Generator<Uint8Array, void, undefined> {
  const file = openSync(image, 'r')
  try {
    const head = Buffer.alloc(archiveOffset)
    readSync(file, head, 0, archiveOffset, 0)
    const end = findArchiveEnd(head)
    if (end === undefined) throw new Error(`${image} is no image of a layer`)
    for (let at = archiveOffset; at < end;) {
      const wanted = Math.min(chunkBytes, end - at)
      const chunk = Buffer.allocUnsafeSlow(wanted)
      const got = readSync(file, chunk, 0, wanted, at)
      if (got === 0) throw new Error(`${image} ends before its archive does`)
      yield chunk.subarray(0, got)
      at += got
    }
  } finally {
    closeSync(file)
  }
}
