import { constants, deflateRawSync } from 'node:zlib'

const sampleBytes = 4096

/** Whether bytes get smaller by compression: pictures, archives and the like cost much time and save nothing. A look at a few places tells them. */
export function isWorthwhile(bytes: Uint8Array): boolean {
  if (bytes.length < 16 * sampleBytes) return true
  const step = Math.floor(bytes.length / 4)
  const samples = [0, 1, 2, 3].map((index) => bytes.subarray(index * step, index * step + sampleBytes))
  const compressed = deflateRawSync(Buffer.concat(samples), { level: constants.Z_BEST_SPEED })
  return compressed.length < 0.97 * samples.length * sampleBytes
}
