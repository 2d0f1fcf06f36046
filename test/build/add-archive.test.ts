import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { archiveOf, type SampleEntry } from '../support/archive.ts'
import { Bench } from '../support/bench.ts'
import type { Files } from '../support/stave.ts'
import { unpackWithUmoci } from '../support/tree.ts'

/** Builds with archives in the context.
 *  @returns the folder with the files that were built */
async function build(
  dockerfile: string,
  archives: Readonly<Record<string, readonly SampleEntry[] | Buffer>>,
  files: Files = {},
): Promise<string> {
  return benchWith(dockerfile, archives, files).build(['.'])
}

function benchWith(
  dockerfile: string,
  archives: Readonly<Record<string, readonly SampleEntry[] | Buffer>>,
  files: Files = {},
): Bench {
  const bench = new Bench({ Dockerfile: `FROM scratch\n${dockerfile}`, ...files })
  for (const [name, entries] of Object.entries(archives)) {
    writeFileSync(join(bench.cwd, name), Buffer.isBuffer(entries) ? entries : archiveOf(entries))
  }
  return bench
}

function look(...path: readonly string[]): string {
  const { mode, uid, gid, mtimeMs } = lstatSync(join(...path))
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid} ${mtimeMs / 1000}`
}

const entry: SampleEntry = { path: 'd/f', content: 'f', uid: 5, gid: 6, mode: 0o4711, mtimeSeconds: 1000 }
const directory: SampleEntry = { path: 'd', type: 'directory', uid: 7, gid: 8, mode: 0o2750, mtimeSeconds: 2000 }

describe('ADD of a local archive', () => {
  test('keeps owners, modes and times of the entries', async () => {
    const tree = await build('ADD a /x\n', { a: [directory, entry] })
    expect([look(tree, 'x/d'), look(tree, 'x/d/f')]).toEqual(['2750 7:8 2000', '4711 5:6 1000'])
  })

  test('gives everything to --chown, and --chmod does not count', async () => {
    const tree = await build('ADD --chown=9:10 --chmod=600 a /x\n', { a: [directory, entry] })
    expect([look(tree, 'x/d'), look(tree, 'x/d/f')]).toEqual(['2750 9:10 2000', '4711 9:10 1000'])
  })

  test('leaves the destination as it was, whatever an entry for the root says', async () => {
    const root: SampleEntry = { path: './', type: 'directory', mode: 0o700, uid: 5 }
    const tree = await build('WORKDIR /x\nADD a /x\n', { a: [root, { path: './f' }] })
    expect(look(tree, 'x')).toMatch(/^755 0:0 /)
    expect(readdirSync(join(tree, 'x'))).toEqual(['f'])
  })

  test('is told by the content alone, not by the name', async () => {
    const tree = await build('ADD a.txt b.tar /x/\n', { 'a.txt': [entry], 'b.tar': Buffer.from('no archive') })
    expect(readdirSync(join(tree, 'x'))).toEqual(['b.tar', 'd'])
  })

  test('takes several, into one directory, beside files', async () => {
    const archives = { a: [{ path: '1' }], b: [{ path: '2' }] }
    const tree = await build('ADD a b c /x\n', archives, { c: 'c' })
    expect(readdirSync(join(tree, 'x'))).toEqual(['1', '2', 'c'])
  })

  test('puts later entries over earlier ones, and over what is there', async () => {
    const tree = await build('ADD old /x\nADD new /x\n', {
      old: [{ path: 'f', content: 'old' }, { path: 'd', type: 'directory' }, { path: 'd/kept' }, { path: 'e' }],
      new: [
        { path: 'f', content: 'first' },
        { path: 'f', content: 'last' },
        { path: 'e', type: 'directory' },
      ],
    })
    expect(readFileSync(join(tree, 'x/f'), 'utf8')).toBe('last')
    expect([existsSync(join(tree, 'x/d/kept')), lstatSync(join(tree, 'x/e')).isDirectory()]).toEqual([true, true])
  })

  test('keeps hard links, and the header of a link is the file’s', async () => {
    const tree = await build('ADD a /x\n', {
      a: [
        entry,
        { path: 'link', type: 'hardlink', linkName: 'd/f', uid: 20, gid: 21, mode: 0o600, mtimeSeconds: 3000 },
      ],
    })
    expect(statSync(join(tree, 'x/link')).ino).toBe(statSync(join(tree, 'x/d/f')).ino)
    expect(look(tree, 'x/d/f')).toBe('600 20:21 3000')
  })

  test('ends at the destination: names that climb, and links that lead out', async () => {
    const tree = await build('ADD a /x/y\n', {
      a: [
        { path: '../../climbed', content: 'c' },
        { path: '/absolute', content: 'a' },
        { path: 'out', type: 'symlink', linkName: '/' },
        { path: 'out/through', content: 't' },
        { path: 'up', type: 'symlink', linkName: '../..' },
        { path: 'up/climbed-too', content: 't' },
      ],
    })
    expect(readdirSync(tree)).toEqual(['x'])
    expect(readdirSync(join(tree, 'x/y'))).toEqual(['absolute', 'climbed', 'climbed-too', 'out', 'through', 'up'])
    expect(readlinkSync(join(tree, 'x/y/out'))).toBe('/')
  })

  test('takes names of whiteouts as they are, and so they hide files from whoever unpacks the image', async () => {
    const bench = benchWith('COPY f /x/f\nCOPY f /x/g\nADD a /x\n', { a: [{ path: '.wh.f' }] }, { f: '' })
    const layout = join(bench.root, 'layout')
    await bench.try(['--output', `type=oci,dest=${layout},tar=false,name=test:latest`, '.'])
    expect(readdirSync(join(unpackWithUmoci(layout, 'latest', join(bench.root, 'umoci')), 'x'))).toEqual(['g'])
  })

  test('copies the file with --unpack=false, and unpacks with --unpack', async () => {
    const tree = await build('ADD --unpack=false a /kept/\nADD --unpack=true a /unpacked/\n', { a: [entry] })
    expect([readdirSync(join(tree, 'kept')), readdirSync(join(tree, 'unpacked'))]).toEqual([['a'], ['d']])
  })

  test('never unpacks a zip', async () => {
    const zip = execFileSync('python3', [
      '-c',
      "import zipfile, sys; z = zipfile.ZipFile(sys.stdout.buffer, 'w'); z.writestr('f', 'f'); z.close()",
    ])
    expect(readdirSync(join(await build('ADD a.zip /x/\n', { 'a.zip': zip }), 'x'))).toEqual(['a.zip'])
  })

  test('takes a file that is compressed, but no archive, as it is', async () => {
    const text = execFileSync('gzip', ['-c'], { input: 'text\n'.repeat(1000) })
    const tree = await build('ADD a.gz /x/\n', { 'a.gz': text })
    expect(readFileSync(join(tree, 'x/a.gz'))).toEqual(text)
  })

  test('keeps long names and names of other alphabets', async () => {
    const bench = benchWith('ADD a.tar /x\n', {})
    const name = `${'long/'.repeat(40)}${'é'.repeat(60)}`
    execFileSync('sh', ['-c', `mkdir -p "$(dirname "${name}")" && echo x > "${name}"`], { cwd: bench.root })
    execFileSync('tar', ['-cf', join(bench.cwd, 'a.tar'), 'long'], { cwd: bench.root })
    const tree = await bench.build(['.'])
    expect(readFileSync(join(tree, 'x', name), 'utf8')).toBe('x\n')
  })

  for (const [what, entries] of Object.entries<readonly SampleEntry[]>({
    'a hard link to nothing': [{ path: 'l', type: 'hardlink', linkName: 'none' }],
    'a hard link to a directory': [directory, { path: 'l', type: 'hardlink', linkName: 'd' }],
    'a name that is too long for any file system': [{ path: 'x'.repeat(300) }],
    'a path that is too long': [{ path: `${'d/'.repeat(3000)}f` }],
    'a path that is nearly too long': [{ path: `${'d/'.repeat(1990)}f` }],
    'a link that leads to itself, and a name behind it': [
      { path: 'l', type: 'symlink', linkName: 'l' },
      { path: 'l/f' },
    ],
    'a device that means "removed"': [{ path: 'c', type: 'character-device' }],
    'an owner that no file can have': [{ path: 'f', uid: 2 ** 40 }],
  })) {
    test(`fails in words for ${what}`, async () => {
      const { code, stderr } = await benchWith('ADD a /x\n', { a: entries }).try(['.'])
      expect(code).toBe(1)
      expect(stderr).toMatch(/Dockerfile:2:1: [A-Z_]+: /)
      expect(stderr).not.toContain('bug in stave')
    })
  }
})
