import { execFileSync } from 'node:child_process'
import { lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { hashFile } from './hash-file.ts'

for (const sizeBytes of [0, 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024, 3 * 1024 * 1024 + 7]) {
  test(`a file of ${sizeBytes} bytes has the digest that sha256sum(1) gives`, () => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, Buffer.alloc(sizeBytes, 'stave'))
    const [expected = ''] = execFileSync('sha256sum', [path], { encoding: 'utf8' }).split(' ')
    expect(hashFile(path, entryOfStats(lstatSync(path, { bigint: true })))).toBe(expected)
  })
}
