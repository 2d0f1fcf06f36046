import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { archiveOf, type SampleEntry } from '../../test/support/archive.ts'
import '../../test/support/fixed-seed.ts'
import { openTemporaryFolder, temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeTree } from '../../test/support/tree.ts'
import { NeedsFolder } from '../files/layer-recipe.ts'
import { unmount } from '../linux/index.ts'
import { openOverlayRoot } from '../snapshot/overlay-root.ts'
import { unpackIntoImage, unpackLayer } from '../unpack/unpack-layer.ts'
import { canMountImages, ImageLayer, mountImage, readImageArchive } from './index.ts'

function findObstacle(): string | undefined {
  using folder = openTemporaryFolder()
  return canMountImages(folder.path) ? undefined : 'this kernel mounts no EROFS files'
}

const obstacle = findObstacle()

interface Layer extends Disposable {
  readonly image: string
  /** Where the image is mounted. */
  readonly files: string
}

async function imageOf(archive: Uint8Array): Promise<Layer> {
  const folder = temporaryFolder()
  const at = { blob: join(folder, 'blob'), image: join(folder, 'image'), files: join(folder, 'files') }
  writeFileSync(at.blob, archive)
  await unpackIntoImage({ kind: 'blob', path: at.blob }, digestOf(archive), at.image)
  expect(mountImage({ image: at.image, target: at.files })).toBe(true)
  return { ...at, [Symbol.dispose]: () => unmount(at.files) }
}

async function folderOf(archive: Uint8Array): Promise<string> {
  const folder = temporaryFolder()
  const [blob, files] = [join(folder, 'blob'), join(folder, 'files')]
  writeFileSync(blob, archive)
  mkdirSync(files)
  await unpackLayer({ kind: 'blob', path: blob }, digestOf(archive), files)
  return files
}

/** All that overlayfs goes by, the times and the counts of names too. What attributes a whiteout has is nobody's business. */
function describeLayer(folder: string): readonly string[] {
  const lines = (command: string) => execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' }).split('\n')
  return [
    ...describeTree(folder).filter((line) => !/ c [0-7]+ 0:0 $/.test(line)),
    ...lines('find . -type c').sort(),
    ...lines("find . ! -type c -printf '%P %y %T@\n'").sort(),
    ...lines("find . -type f -printf '%P %n\n'").sort(),
    ...lines("getfattr -R -h -d -m '^trusted' -e hex . | sort"),
  ]
}

describe.skipIf(obstacle !== undefined)(`an image of a layer${obstacle === undefined ? '' : ` (${obstacle})`}`, () => {
  test('shows what GNU tar packed as GNU tar unpacks it', async () => {
    const root = temporaryFolder()
    const [tree, unpacked] = [join(root, 'tree'), join(root, 'unpacked')]
    for (const path of [`${tree}/d/e`, unpacked]) mkdirSync(path, { recursive: true })
    execFileSync('sh', ['-ec', script], { cwd: tree })
    const archive = execFileSync('tar', ['--xattrs', '--format=pax', '-cf', '-', '-C', tree, '.'], { maxBuffer: 1e8 })
    execFileSync('tar', ['--xattrs', '-xpf', '-', '-C', unpacked], { input: archive, stdio: 'pipe' })
    using layer = await imageOf(archive)
    expect(describeTree(layer.files)).toEqual(describeTree(unpacked))
    const times = (folder: string) => execFileSync('find', ['.', '-printf', '%P %Ts\n'], { cwd: folder }).toString()
    expect(times(layer.files).split('\n').sort()).toEqual(times(unpacked).split('\n').sort())
  })

  test('finds each of thousands of names', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `${index.toString(36)}${'ß'.repeat(index % 100)}`)
    using layer = await imageOf(archiveOf(names.map((name) => ({ path: `d/${name}`, content: name }))))
    expect(readdirSync(join(layer.files, 'd')).sort()).toEqual([...names].sort())
    expect(names.filter((name) => readFileSync(join(layer.files, 'd', name), 'utf8') !== name)).toEqual([])
  })

  test('has a tree a thousand directories deep', async () => {
    const path = Array.from({ length: 1000 }, () => 'd').join('/')
    using layer = await imageOf(archiveOf([{ path: `${path}/x`, content: 'deep' }]))
    expect(readFileSync(join(layer.files, path, 'x'), 'utf8')).toBe('deep')
  })

  test('gives back the archive that it was made of', async () => {
    const archive = archiveOf([{ path: 'a', content: 'x'.repeat(700_000) }, { path: 'b/c' }])
    using layer = await imageOf(archive)
    expect(digestOf(Buffer.concat(Array.from(readImageArchive(layer.image), (chunk) => Buffer.from(chunk))))).toBe(
      digestOf(archive),
    )
  })

  test('keeps its devices from being opened, and what it shows from being written', async () => {
    using layer = await imageOf(archiveOf([{ path: 'null', type: 'character-device', deviceMajor: 1, deviceMinor: 3 }]))
    expect(() => readFileSync(join(layer.files, 'null'))).toThrow(/EACCES/)
    expect(() => writeFileSync(join(layer.files, 'new'), '')).toThrow(/EROFS/)
  })

  test('takes away from what lies below it in an overlay, as a folder does', async () => {
    const below = await folderOf(archiveOf(['d/old', 'e/old', 'f'].map((path) => ({ path, content: path }))))
    const entries = ['d/.wh.old', 'd/new', 'e/.wh..wh..opq', 'e/new', '.wh.f'].map((path) => ({ path }))
    using layer = await imageOf(archiveOf(entries))
    await using root = openOverlayRoot(temporaryFolder(), temporaryFolder(), [below, layer.files])
    const seen = execFileSync('find', ['.', '-type', 'f'], { cwd: root.path, encoding: 'utf8' })
    expect(seen.trim().split('\n').sort()).toEqual(['./d/new', './e/new'])
  })

  test('is what a folder of the same archive is, whatever that holds', async () => {
    const name = fc.constantFrom('a', 'b', 'c', '.wh.a', '.wh.b', '.wh..wh..opq')
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))
    const type = fc.constantFrom('file', 'file', 'directory', 'symlink', 'hardlink', 'fifo', 'block-device')
    const entry = fc.record({ path, type, linkName: path, content: fc.string(), ...numbers, xattrs })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 12 }), async (entries) => {
        const archive = archiveOf(entries)
        const folder = await attempt(() => folderOf(archive))
        const image = await attempt(() => imageOf(archive))
        if (image.ok) {
          using layer = image.result
          expect(describeLayer(layer.files)).toEqual(folder.ok ? describeLayer(folder.result) : folder)
        } else expect(image).toEqual(folder)
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})

const numbers = {
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(0, 5, 70_000),
  mtimeSeconds: fc.constantFrom(-5, 0, 1_700_000_000),
  deviceMajor: fc.constantFrom(0, 7, 300),
  deviceMinor: fc.constantFrom(1, 70_000),
}
const xattrs = fc
  .dictionary(fc.constantFrom('user.one', 'user.other', 'trusted.ours'), fc.string({ minLength: 1 }), { maxKeys: 2 })
  .map((found) => new Map(Object.entries(found).map(([key, value]) => [key, Buffer.from(value)])))

async function attempt<Result>(act: () => Promise<Result>) {
  try {
    return { ok: true, result: await act() } as const
  } catch (error) {
    return { ok: false, message: (error as Error).message } as const
  }
}

const script = `
  echo content > d/file; chmod 4750 d/file; chown 12:34 d/file
  ln d/file d/e/hard; ln -s ../nowhere d/e/soft; mkfifo d/pipe; mknod d/null c 1 3; mknod d/disk b 259 70000
  echo umlaut > d/äöü; head -c 2000000 /dev/urandom > d/bytes; setfattr -n user.mine -v yes d/bytes
  mkdir -m 1777 tmp; touch -d @-5 d/old; ln -s "$(printf 'x%.0s' $(seq 1000))" d/long; : > '!'; : > -
  echo long > d/${'n'.repeat(200)}
`

test.each<[string, SampleEntry]>([
  ['a name that is too long for any file system', { path: 'n'.repeat(256) }],
  ['a link to nothing at all', { path: 'l', type: 'symlink', linkName: '' }],
  ['attributes that are too large', { path: 'a', xattrs: new Map([['user.a', Buffer.alloc(70_000)]]) }],
  ['a device number that is too large', { path: 'a', type: 'block-device', deviceMajor: 5000 }],
])('%s is left to a folder, and no file is left behind', async (_, entry) => {
  const archive = archiveOf([entry])
  const folder = temporaryFolder()
  const [blob, image] = [join(folder, 'blob'), join(folder, 'image')]
  writeFileSync(blob, archive)
  await expect(unpackIntoImage({ kind: 'blob', path: blob }, digestOf(archive), image)).rejects.toThrow(NeedsFolder)
  expect(existsSync(image)).toBe(false)
})

test('so is a layer of more files than can be kept in mind', () => {
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n }
  const layer = new ImageLayer(attributes, 0n)
  expect(() => {
    for (let index = 0; index < 1e6; index++) layer.makeNode(`${index}`, fifo, attributes)
  }).toThrow(NeedsFolder)
})

const fifo = { type: 'fifo', deviceMajor: 0, deviceMinor: 0 } as const

test('an archive that is not what its digest says leaves no image', async () => {
  const folder = temporaryFolder()
  const [blob, image] = [join(folder, 'blob'), join(folder, 'image')]
  writeFileSync(blob, archiveOf([{ path: 'a' }]))
  const other = digestOf(archiveOf([{ path: 'b' }]))
  await expect(unpackIntoImage({ kind: 'blob', path: blob }, other, image)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  })
  expect(existsSync(image)).toBe(false)
})

test('nobody but its owner can read an image, which holds other people’s files', async () => {
  const archive = archiveOf([{ path: 'a' }])
  const folder = temporaryFolder()
  const [blob, image] = [join(folder, 'blob'), join(folder, 'image')]
  writeFileSync(blob, archive)
  await unpackIntoImage({ kind: 'blob', path: blob }, digestOf(archive), image)
  expect((statSync(image).mode & 0o777).toString(8)).toBe('400')
})
