import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { LayerCompression } from '../../core/layer-compression.ts'
import { archiveOf } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { recompressLayer } from './recompress-layer.ts'

const archive = archiveOf(
  Array.from({ length: 300 }, (_, index) => ({ path: `f${index}`, content: 'x'.repeat(index * 70) })),
)
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const plain: Readonly<Record<string, readonly [LayerCompression, (bytes: Buffer) => Buffer]>> = {
  uncompressed: [{ type: 'uncompressed' }, (bytes) => bytes],
  gzip: [{ type: 'gzip', level: 9 }, gunzipSync],
  zstd: [{ type: 'zstd', level: 3 }, (input) => execFileSync('zstd', ['-dc'], { input, maxBuffer: 1 << 26 })],
}

for (const [from, pack] of Object.entries({
  'plain archive': (bytes: Buffer) => bytes,
  'layer by gzip(1)': (input: Buffer) => execFileSync('gzip', ['-c'], { input }),
  'layer by zstd(1)': (input: Buffer) => execFileSync('zstd', ['-c'], { input }),
})) {
  for (const [to, [compression, unpack]] of Object.entries(plain)) {
    test(`a ${from} becomes ${to} of the same content`, async () => {
      const root = temporaryFolder()
      writeFileSync(join(root, 'blob'), pack(archive))
      const path = join(root, 'out')
      const packed = await recompressLayer(join(root, 'blob'), sha256(archive), path, { compression })
      const bytes = readFileSync(path)
      expect(unpack(bytes).equals(archive)).toBe(true)
      expect(packed).toMatchObject({
        diffId: sha256(archive),
        digest: sha256(bytes),
        sizeBytes: bytes.length,
      })
    })
  }
}

const damaged: Readonly<Record<string, readonly [Uint8Array, string]>> = {
  'whose content is another': [gzipSync(archiveOf([{ path: 'other' }])), 'DIGEST_MISMATCH'],
  'that ends too early': [gzipSync(archive).subarray(0, 1000), 'ARCHIVE_INVALID'],
}

for (const [what, [bytes, code]] of Object.entries(damaged)) {
  test(`a layer ${what} leaves nothing`, async () => {
    const root = temporaryFolder()
    writeFileSync(join(root, 'blob'), bytes)
    const path = join(root, 'out')
    const making = recompressLayer(join(root, 'blob'), sha256(archive), path, {
      compression: { type: 'zstd', level: 3 },
    })
    await expect(making).rejects.toMatchObject({ code })
    expect(existsSync(path)).toBe(false)
  })
}
