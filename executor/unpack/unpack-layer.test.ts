import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { archiveOf } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeTree } from '../../test/support/tree.ts'
import { unpackLayer } from './unpack-layer.ts'

interface Stored {
  readonly blob: string
  readonly folder: string
}

function stored(bytes: Uint8Array): Stored {
  const root = temporaryFolder()
  const at = { blob: join(root, 'blob'), folder: join(root, 'folder') }
  writeFileSync(at.blob, bytes)
  mkdirSync(at.folder)
  return at
}

test('what GNU tar packed comes out as GNU tar unpacks it', async () => {
  const root = temporaryFolder()
  const [tree, unpacked] = [join(root, 'tree'), join(root, 'unpacked')]
  for (const path of [`${tree}/d/e`, unpacked]) mkdirSync(path, { recursive: true })
  execFileSync('sh', ['-ec', script], { cwd: tree })
  const archive = execFileSync('tar', ['--xattrs', '--format=pax', '-cf', '-', '-C', tree, '.'], { maxBuffer: 1 << 26 })
  execFileSync('tar', ['--xattrs', '-xpf', '-', '-C', unpacked], { input: archive, stdio: 'pipe' })
  const at = stored(gzipSync(archive))
  await unpackLayer({ kind: 'blob', path: at.blob }, digestOf(archive), at.folder)
  expect(describeTree(at.folder)).toEqual(describeTree(unpacked))
})

const script = `
  echo content > d/file; chmod 4750 d/file; chown 12:34 d/file
  ln d/file d/e/hard; ln -s ../nowhere d/e/soft; mkfifo d/pipe; mknod d/null c 1 3
  echo umlaut > d/äöü; head -c 2000000 /dev/zero > d/zeros; setfattr -n user.mine -v yes d/zeros
  mkdir -m 1777 tmp; touch -d @-5 d/old
  echo long > d/${'n'.repeat(200)}
`

test('directories without an entry are told', async () => {
  const archive = archiveOf([{ path: 'usr/lib/x' }])
  const at = stored(archive)
  expect(await unpackLayer({ kind: 'blob', path: at.blob }, digestOf(archive), at.folder)).toEqual({
    impliedDirectories: ['usr', 'usr/lib'],
    lowerLinks: [],
  })
})

test('content that is not what its digest says is refused', async () => {
  const at = stored(gzipSync(archiveOf([{ path: 'a' }])))
  const other = digestOf(archiveOf([{ path: 'b' }]))
  await expect(unpackLayer({ kind: 'blob', path: at.blob }, other, at.folder)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  })
})

test('bytes behind the end of the archive count for its digest', async () => {
  const archive = archiveOf([{ path: 'a', content: 'x' }])
  const at = stored(Buffer.concat([archive, Buffer.from('hidden')]))
  await expect(unpackLayer({ kind: 'blob', path: at.blob }, digestOf(archive), at.folder)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  })
})

test('an archive that is cut off is refused', async () => {
  const archive = archiveOf([{ path: 'a', content: 'x'.repeat(5000) }]).subarray(0, 2000)
  const at = stored(archive)
  await expect(unpackLayer({ kind: 'blob', path: at.blob }, digestOf(archive), at.folder)).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
  })
})

test('the same layer twice gives the same tree, times included', async () => {
  const archive = archiveOf([{ path: 'implied/x', mtimeSeconds: 77 }])
  const times = []
  for (const at of [stored(archive), stored(archive)]) {
    await unpackLayer({ kind: 'blob', path: at.blob }, digestOf(archive), at.folder)
    times.push(execFileSync('find', ['.', '-printf', '%p %T@\n'], { cwd: at.folder, encoding: 'utf8' }))
  }
  expect(times[0]).toBe(times[1])
})

test('an empty archive is an empty layer', async () => {
  const at = stored(archiveOf([]))
  await unpackLayer({ kind: 'blob', path: at.blob }, digestOf(readFileSync(at.blob)), at.folder)
  expect(execFileSync('find', [at.folder, '-mindepth', '1'], { encoding: 'utf8' })).toBe('')
})
