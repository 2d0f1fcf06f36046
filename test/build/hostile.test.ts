import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fillRoot } from '../support/base-image.ts'
import { makeArchive, makeLayout, type Member } from '../support/hostile-image.ts'
import { Project } from '../support/project.ts'
import type { Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree } from '../support/tree.ts'

const folder = openTemporaryFolder()
/** A folder of the machine that images want to read and change. */
const canary = join(folder.path, 'canary')
const root = join(folder.path, 'root.tar')
const climb = '../'.repeat(20)
let before: string

beforeAll(() => {
  mkdirSync(join(canary, 'd'), { recursive: true })
  writeFileSync(join(canary, 'secret'), 'of the machine')
  writeFileSync(join(canary, 'd/file'), 'of the machine too')
  writeFileSync(join(canary, 'passwd'), 'hostuser:x:4242:4242::/:/bin/sh\n')
  const contents = join(folder.path, 'root')
  fillRoot(contents)
  execFileSync('tar', ['-c', '-f', root, '--numeric-owner', '-C', contents, '.'])
})
afterAll(() => folder[Symbol.dispose]())

/** Everything about the canary, times of change included. */
const lookAtCanary = (): string =>
  execFileSync('find', [canary, '-printf', '%P %y %m %U:%G %T@ %C@ %s %n\n'], { encoding: 'utf8' })
beforeEach(() => (before = lookAtCanary()))
afterEach(() => expect(lookAtCanary()).toBe(before))

/** A project whose `base` is a small Linux with these layers above it. */
function projectOn(layers: readonly (readonly Member[])[], dockerfile: string, files: Files = {}): Project {
  const place = mkdtempSync(join(folder.path, 'image-'))
  const archives = layers.map((members, index) => {
    const path = join(place, `${index}.tar`)
    makeArchive(path, members)
    return path
  })
  return new Project(makeLayout(place, [root, ...archives]), { Dockerfile: dockerfile, ...files })
}

/** The tree of an image with these layers above a small Linux, after a step in it. */
async function treeOf(...layers: readonly (readonly Member[])[]): Promise<string> {
  return projectOn(layers, 'FROM base\nRUN echo ran > /ran\n').buildFiles()
}

async function failureOf(...layers: readonly (readonly Member[])[]): Promise<string> {
  const { code, stderr } = await projectOn(layers, 'FROM base\nRUN echo ran > /ran\n').try()
  expect({ code, bug: stderr.includes('bug in stave'), trace: /^ {4}at /m.test(stderr) }).toEqual({
    code: 1,
    bug: false,
    trace: false,
  })
  return stderr
}

/** The lines of the tree about some paths. */
function linesOf(tree: string, ...paths: readonly string[]): readonly string[] {
  const lines = describeTree(tree)
  return paths.map((path) => lines.find((line) => line.startsWith(`${path} `)) ?? `${path} is not there`)
}

const text = (tree: string, path: string): string => readFileSync(join(tree, path), 'utf8')
const inTree = canary.slice(1)

describe('a layer of a base image', () => {
  test('with names that climb or are absolute is unpacked below its root', async () => {
    const tree = await treeOf([
      { name: '../escaped', content: '1' },
      { name: `${climb}${inTree}/secret`, content: '2' },
      { name: '/absolute', content: '3' },
      { name: 'a/../../../b', content: '4' },
      { name: './dot/./file', content: '5' },
    ])
    expect(['escaped', `${inTree}/secret`, 'absolute', 'b', 'dot/file'].map((path) => text(tree, path))).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
    ])
  })

  test('that writes through an absolute link, or a link that climbs, writes inside the tree', async () => {
    const tree = await treeOf([
      { name: 'out', type: 'symlink', to: canary },
      { name: 'out/secret', content: 'changed' },
      { name: 'up', type: 'symlink', to: climb + canary },
      { name: 'up/d/file', content: 'changed too' },
      { name: 'first', type: 'symlink', to: 'second' },
      { name: 'second', type: 'symlink', to: '../../../..' },
      { name: 'first/through-both', content: 'x' },
    ])
    expect(text(tree, `${inTree}/secret`)).toBe('changed')
    expect(text(tree, `${inTree}/d/file`)).toBe('changed too')
    expect(text(tree, 'through-both')).toBe('x')
  })

  test('that replaces a link by a file does not write where the link leads', async () => {
    const tree = await treeOf([
      { name: 'f', type: 'symlink', to: `${canary}/secret` },
      { name: 'f', content: 'own' },
      { name: 'g', type: 'symlink', to: 'etc/passwd' },
      { name: 'g', content: 'own' },
    ])
    expect(linesOf(tree, 'f', 'g')).toEqual(['f f 644 0:0 ', 'g f 644 0:0 '])
    expect(text(tree, 'etc/passwd')).toContain('root:')
  })

  test('with a hard link to a file of the machine is refused', async () => {
    for (const to of [`${canary}/secret`, `${climb}${inTree}/secret`])
      expect(await failureOf([{ name: 'stolen', type: 'hardlink', to }])).toContain('ARCHIVE_INVALID')
    const through: readonly Member[] = [
      { name: 'out', type: 'symlink', to: canary },
      { name: 'stolen', type: 'hardlink', to: 'out/secret' },
    ]
    expect(await failureOf(through)).toContain('ARCHIVE_INVALID')
  })

  test('may hold devices, which are made and never opened, but not the one that means "removed" to overlayfs', async () => {
    const tree = await treeOf([
      { name: 'zero', type: 'char', major: 1, minor: 5, mode: 0o600 },
      { name: 'disk', type: 'block', major: 8, minor: 0, mode: 0o660, gid: 6 },
      { name: 'pipe', type: 'fifo', mode: 0o622 },
    ])
    expect(linesOf(tree, 'zero', 'disk', 'pipe')).toEqual(['zero c 600 0:0 ', 'disk b 660 0:6 ', 'pipe p 622 0:0 '])
    expect(await failureOf([{ name: 'nothing', type: 'char' }])).toContain('ARCHIVE_INVALID')
  })

  test('with whiteouts of "..", "." and nothing removes nothing', async () => {
    const plain = describeTree(await treeOf([{ name: 'etc/x' }]))
    const names = ['.wh...', '.wh..', '.wh.', 'etc/.wh...', 'etc/.wh..', `${climb}.wh...`]
    const tree = await treeOf([...names.map((name) => ({ name })), { name: 'etc/x' }])
    expect(describeTree(tree)).toEqual(plain)
  })

  test('with whiteouts behind a link that leads out removes nothing of the machine', async () => {
    const tree = await treeOf(
      [{ name: 'out', type: 'symlink', to: canary }],
      [{ name: 'out/.wh.secret' }, { name: 'out/d/.wh..wh..opq' }, { name: `${climb}${inTree}/.wh.secret` }],
    )
    expect(linesOf(tree, 'out', 'ran')).toEqual([`out l 777 0:0 ${canary}`, 'ran f 644 0:0 '])
  })

  test('that names files below a link of a lower layer puts them where the link leads, and the link stays', async () => {
    const tree = await treeOf(
      [{ name: 'lib/new', content: 'n' }],
      [{ name: 'lib/deep/er', content: 'd' }, { name: 'lib/.wh.new' }],
    )
    expect(linesOf(tree, 'lib', 'usr/lib/deep/er', 'usr/lib/new')).toEqual([
      'lib l 777 0:0 usr/lib',
      'usr/lib/deep/er f 644 0:0 ',
      'usr/lib/new is not there',
    ])
  })

  test('that has an entry for such a directory itself replaces the link', async () => {
    const tree = await treeOf([
      { name: 'lib', type: 'directory', mode: 0o711 },
      { name: 'lib/new', content: 'n' },
    ])
    expect(linesOf(tree, 'lib', 'lib/new', 'usr/lib/new')).toEqual([
      'lib d 711 0:0 ',
      'lib/new f 644 0:0 ',
      'usr/lib/new is not there',
    ])
  })

  test('that names a file without its directory leaves the mode and the owner that the directory has below', async () => {
    const tree = await treeOf(
      [{ name: 'own', type: 'directory', mode: 0o2750, uid: 12, gid: 34 }],
      [{ name: 'tmp/f' }, { name: 'own/f' }, { name: 'fresh/f' }],
      [{ name: 'tmp/g' }, { name: 'own/g' }],
    )
    expect(linesOf(tree, 'tmp', 'own', 'fresh', 'own/f', 'own/g')).toEqual([
      'tmp d 1777 0:0 ',
      'own d 2750 12:34 ',
      'fresh d 755 0:0 ',
      'own/f f 644 0:0 ',
      'own/g f 644 0:0 ',
    ])
  })

  test('that makes a directory opaque hides what lies below, and keeps its own, wherever the mark stands', async () => {
    const lower: readonly Member[] = [
      { name: 'd', type: 'directory', mode: 0o700 },
      { name: 'd/old' },
      { name: 'e/old' },
      { name: 'e/deep/old' },
    ]
    const tree = await treeOf(lower, [
      { name: 'd/new' },
      { name: 'd/.wh..wh..opq' },
      { name: 'e/.wh..wh..opq' },
      { name: 'e/deep/new' },
    ])
    expect(readdirSync(join(tree, 'd'))).toEqual(['new'])
    expect(readdirSync(join(tree, 'e'))).toEqual(['deep'])
    expect(readdirSync(join(tree, 'e/deep'))).toEqual(['new'])
    expect(linesOf(tree, 'd')).toEqual(['d d 700 0:0 '])
  })

  test('with several entries of one name keeps the last', async () => {
    const tree = await treeOf([
      { name: 'twice', content: 'first' },
      { name: 'other', type: 'hardlink', to: 'twice' },
      { name: 'twice', content: 'second', mode: 0o600 },
      { name: 'file-then-directory' },
      { name: 'file-then-directory', type: 'directory' },
      { name: 'file-then-directory/f' },
      { name: 'directory-then-link', type: 'directory' },
      { name: 'directory-then-link/f' },
      { name: 'directory-then-link', type: 'symlink', to: canary },
      { name: 'directory-then-link/secret', content: 'in the tree' },
      { name: 'link-then-directory', type: 'symlink', to: canary },
      { name: 'link-then-directory', type: 'directory', mode: 0o700 },
      { name: 'link-then-directory/f' },
    ])
    expect([text(tree, 'twice'), text(tree, 'other')]).toEqual(['second', 'first'])
    expect(
      linesOf(
        tree,
        'twice',
        'file-then-directory/f',
        'directory-then-link',
        'link-then-directory',
        'link-then-directory/f',
      ),
    ).toEqual([
      'twice f 600 0:0 ',
      'file-then-directory/f f 644 0:0 ',
      `directory-then-link l 777 0:0 ${canary}`,
      'link-then-directory d 700 0:0 ',
      'link-then-directory/f f 644 0:0 ',
    ])
    expect(text(tree, `${inTree}/secret`)).toBe('in the tree')
  })

  test('keeps setuid, setgid and sticky bits with their owners, however large the ids are', async () => {
    const tree = await treeOf([
      { name: 'suid', mode: 0o4755, uid: 4_000_000_000, gid: 7 },
      { name: 'sgid', mode: 0o2711, gid: 2_000_000_000 },
      { name: 'shared', type: 'directory', mode: 0o3777, uid: 5 },
    ])
    expect(linesOf(tree, 'suid', 'sgid', 'shared')).toEqual([
      'suid f 4755 4000000000:7 ',
      'sgid f 2711 0:2000000000 ',
      'shared d 3777 5:0 ',
    ])
  })

  test('may be deep, and is refused with an error when it is deeper than the system allows', async () => {
    const deep = (levels: number) => Array.from({ length: levels }, (_, index) => `directory-${index}`).join('/')
    const tree = await treeOf([{ name: `${deep(200)}/file`, content: 'deep' }])
    expect(text(tree, `${deep(200)}/file`)).toBe('deep')
    expect(await failureOf([{ name: `${deep(1000)}/file` }])).toMatch(/ENAMETOOLONG|too long/)
    expect(await failureOf([{ name: 'n'.repeat(300) }])).toMatch(/ENAMETOOLONG|too long/)
  })

  test('gains nothing by extended headers: names in them climb no further, and attributes of overlayfs are dropped', async () => {
    const tree = await treeOf(
      [{ name: 'etc/shadow-of-base', content: 'visible' }],
      [
        { name: 'harmless', pax: { path: `${climb}${inTree}/secret` }, content: 'in the tree' },
        { name: 'link', type: 'symlink', to: 'harmless', pax: { linkpath: canary } },
        {
          name: 'etc',
          type: 'directory',
          pax: { 'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.user.overlay.opaque': 'y' },
        },
        {
          name: 'moved',
          type: 'directory',
          pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/etc', 'SCHILY.xattr.user.overlay.redirect': '/etc' },
        },
        { name: 'noted', pax: { 'SCHILY.xattr.user.note': 'kept', 'SCHILY.xattr.security.selinux': 'dropped' } },
      ],
    )
    expect(text(tree, `${inTree}/secret`)).toBe('in the tree')
    expect(linesOf(tree, 'link')).toEqual([`link l 777 0:0 ${canary}`])
    expect(text(tree, 'etc/shadow-of-base')).toBe('visible')
    expect(text(tree, 'etc/passwd')).toContain('root:')
    expect(readdirSync(join(tree, 'moved'))).toEqual([])
    const attributes = execFileSync('getfattr', ['-R', '-d', '-m', '-', '.'], { cwd: tree, encoding: 'utf8' })
    expect(attributes.match(/^\w+.[\w.]+=.*$/gm)).toEqual(['user.note="kept"'])
  })

  test('with sizes, times or ids that make no sense is an error, never a crash', async () => {
    const nonsense: readonly NonNullable<Member['pax']>[] = [
      { size: '-1' },
      { size: '99999999999999999999' },
      { mtime: 'never' },
      { uid: '-5' },
      { uid: '99999999999' },
    ]
    for (const pax of nonsense) {
      const { code, stderr } = await projectOn([[{ name: 'f', content: 'x', pax }]], 'FROM base\nRUN true\n').try()
      expect({ pax, bug: stderr.includes('bug in stave') }).toEqual({ pax, bug: false })
      expect([0, 1]).toContain(code)
    }
  })
})

describe.each(['oci', 'native', 'chroot'] as const)('in the sandbox %s', (name) => {
  const linked = (...paths: readonly string[]): readonly Member[] =>
    paths.map((path) => ({
      name: path,
      type: 'symlink',
      to: `${canary}${path.startsWith('etc/') ? path.slice(3) : ''}`,
    }))

  test('a base whose directories are links to the machine changes nothing there, and shows nothing of it', async () => {
    const at = projectOn(
      [linked('run', 'work', 'etc/passwd', 'etc/hosts', 'etc/resolv.conf')],
      `FROM base
WORKDIR /work/deep
RUN --mount=type=bind,target=/run/bound --mount=type=tmpfs,target=/work/tmp touch here /work/tmp/x; cat ${canary}/secret /run/secret; true
COPY f /work/f
USER hostuser
RUN id
`,
      { f: 'x' },
    )
    const { code, stderr } = await at.try('--isolation', name)
    expect(code).toBe(1)
    expect(stderr).toContain('RUN_USER_UNKNOWN')
    expect(stderr).not.toContain('of the machine')
  })

  test('a base whose /dev, /proc and /sys are links to the machine is refused, or changes nothing there', async () => {
    const whiteouts = ['dev', 'proc', 'sys'].map((path) => ({ name: `.wh.${path}` }))
    const at = projectOn(
      [whiteouts, linked('dev', 'proc', 'sys')],
      'FROM base\nRUN cat /dev/secret /proc/secret; echo x > /dev/secret; true\n',
    )
    const { code, stderr } = await at.try('--isolation', name)
    if (code !== 0) expect(stderr).toContain('IMAGE_INVALID')
    expect(stderr).not.toContain('of the machine')
  })
})

describe('ADD of a local archive', () => {
  /** Builds with the archive in the context. */
  function adding(members: readonly Member[], dockerfile = 'FROM base\nADD evil.tar /dest/\n'): Project {
    const at = projectOn([], dockerfile)
    makeArchive(join(at.context, 'evil.tar'), members)
    return at
  }

  test('unpacks names that climb and links that lead out below its destination', async () => {
    const tree = await adding([
      { name: '../up', content: '1' },
      { name: '/absolute', content: '2' },
      { name: 'out', type: 'symlink', to: canary },
      { name: 'out/secret', content: '3' },
      { name: 'conf', type: 'symlink', to: '/etc' },
      { name: 'conf/passwd', content: '4' },
    ]).buildFiles()
    expect(
      ['dest/up', 'dest/absolute', `dest/${inTree}/secret`, 'dest/etc/passwd'].map((path) => text(tree, path)),
    ).toEqual(['1', '2', '3', '4'])
    expect(text(tree, 'etc/passwd')).toContain('root:')
  })

  test('refuses hard links to what is not in it', async () => {
    for (const to of ['../etc/passwd', `${canary}/secret`, `${climb}${inTree}/secret`]) {
      const { code, stderr } = await adding([{ name: 'stolen', type: 'hardlink', to }]).try()
      expect({ to, code, named: stderr.includes('ARCHIVE_INVALID') }).toEqual({ to, code: 1, named: true })
    }
  })

  test('never follows a link that an earlier step made in the destination out of the tree', async () => {
    const dockerfile = `FROM base\nRUN mkdir /dest && ln -s ${canary} /dest/out && ln -s ${canary} /direct\nADD evil.tar /dest/\nADD evil.tar /direct/\nCOPY evil.tar /direct/secret\n`
    const tree = await adding(
      [
        { name: 'out/secret', content: 'x' },
        { name: 'd/file', content: 'y' },
      ],
      dockerfile,
    ).buildFiles()
    expect(text(tree, `${inTree}/d/file`)).toBe('y')
    expect(linesOf(tree, 'dest/out', 'direct')).toEqual([`dest/out l 777 0:0 ${canary}`, `direct l 777 0:0 ${canary}`])
  })

  test('that breaks off is an error, and so is one that only looks like an archive', async () => {
    const at = adding([{ name: 'big', content: 'x'.repeat(100_000) }])
    const whole = readFileSync(join(at.context, 'evil.tar'))
    for (const bytes of [whole.subarray(0, 50_000), Buffer.concat([whole.subarray(0, 512), Buffer.from('rest')])]) {
      writeFileSync(join(at.context, 'evil.tar'), bytes)
      const { code, stderr } = await at.try()
      expect({ code, named: stderr.includes('ARCHIVE_INVALID') }).toEqual({ code: 1, named: true })
    }
  })
})

describe('a context', () => {
  test('with links that go in circles is copied as it is, and naming such a link is an error', async () => {
    const at = projectOn([], 'FROM base\nCOPY . /app\n', { 'd/f': 'content' })
    symlinkSync('loop', join(at.context, 'loop'))
    symlinkSync('.', join(at.context, 'd/self'))
    symlinkSync('../..', join(at.context, 'd/parent'))
    const tree = await at.buildFiles()
    expect(linesOf(tree, 'app/loop', 'app/d/self', 'app/d/f')).toEqual([
      'app/loop l 777 0:0 loop',
      'app/d/self l 777 0:0 .',
      'app/d/f f 644 0:0 ',
    ])
    writeFileSync(join(at.context, 'Dockerfile'), 'FROM base\nCOPY d/self/self/self/f /f\nCOPY loop /x\n')
    const { code, stderr } = await at.try()
    expect({ code, bug: stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
    expect(stderr).toContain('Dockerfile:3')
  })

  test('whose links lead out of it gives nothing of what lies there', async () => {
    const at = projectOn([], 'FROM base\n', { f: 'x' })
    symlinkSync(`${canary}/secret`, join(at.context, 'secret'))
    symlinkSync(canary, join(at.context, 'folder'))
    symlinkSync(climb + inTree, join(at.context, 'climbing'))
    for (const line of [
      'COPY secret /s',
      'COPY folder/secret /s',
      'COPY climbing/secret /s',
      'ADD folder /s',
      'RUN --mount=type=bind,source=folder,target=/m cat /m/secret',
    ]) {
      writeFileSync(join(at.context, 'Dockerfile'), `FROM base\n${line}\n`)
      const { code, stderr } = await at.try()
      expect({ line, code, shown: stderr.includes('of the machine') }).toEqual({ line, code: 1, shown: false })
      expect(stderr).toContain('COPY_SOURCE_MISSING')
    }
  })
})

test('files are exported beside a link that an earlier export left, not through it', async () => {
  const at = projectOn(
    [],
    `FROM base AS first\nRUN ln -s ${canary} /out\nFROM base\nRUN mkdir -p /out/d && echo changed > /out/secret && echo changed > /out/d/file\n`,
  )
  const dest = join(at.root, 'dest')
  await at.build('-o', dest, '--target', 'first')
  await at.build('-o', dest)
  expect(text(dest, 'out/secret')).toBe('changed\n')
})
