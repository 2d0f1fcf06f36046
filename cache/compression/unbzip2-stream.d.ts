declare module 'unbzip2-stream/lib/bit_iterator.js' {
  /** Reads bits; calls for the next chunk when one is used up. */
  export interface BitReader {
    (count: number | null): number
    readonly bytesRead: number
  }
  export default function bitIterator(nextChunk: () => Uint8Array): BitReader
}

declare module 'unbzip2-stream/lib/bzip2.js' {
  import type { BitReader } from 'unbzip2-stream/lib/bit_iterator.js'
  interface Bunzip {
    /** Size of a block, 1 to 9, in 100,000 bytes. */
    header(bits: BitReader): number
    /** The running checksum, or `null` where the stream has ended. */
    decompress(
      bits: BitReader,
      push: (byte: number) => void,
      work: Int32Array,
      workLength: number,
      crc: number,
    ): number | null
  }
  const bunzip: Bunzip
  export default bunzip
}
