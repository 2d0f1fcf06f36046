import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { look } from '../support/look.ts'
import { Project } from '../support/project.ts'
import type { Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

// What COPY and ADD of local files make of a context, as BuildKit does it, a build for each rule. The numbers are those of docs/dockerfile.md.

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

interface Case {
  /** Without its FROM, which is scratch. */
  readonly dockerfile: string
  readonly files?: Files
  /** Script that completes the context. */
  readonly prepare?: string
}

interface Success extends Case {
  /** All that the image holds. */
  readonly tree: Readonly<Record<string, string>>
}

interface Failure extends Case {
  readonly error: string
}

function projectOf({ dockerfile, files = {}, prepare }: Case): Project {
  const text = dockerfile.startsWith('FROM') ? dockerfile : `FROM scratch\n${dockerfile}`
  const at = new Project(base, { Dockerfile: `${text}\n`, ...files })
  if (prepare !== undefined) execFileSync('bash', ['-ec', prepare], { cwd: at.context })
  return at
}

const a = 'f 644 0:0 a'
const d = 'd 755 0:0'

const successes: Readonly<Record<string, Success>> = {
  // sources
  'C1: .. in a source ends at the context': { dockerfile: 'COPY ../../a /', files: { a: 'a' }, tree: { a } },
  'C1: a source with a leading slash is one of the context': {
    dockerfile: 'COPY /a /',
    files: { a: 'a' },
    tree: { a },
  },
  'C1: .. in the middle of a source is cleaned away': {
    dockerfile: 'COPY x/../a /',
    files: { a: 'a', 'x/': '' },
    tree: { a },
  },
  'C4: of a folder its contents are copied': {
    dockerfile: 'COPY x /y/',
    files: { 'x/a': 'a' },
    tree: { y: d, 'y/a': a },
  },
  'C4: two folders are merged': {
    dockerfile: 'COPY x y /z/',
    files: { 'x/a': 'a', 'y/b': 'b' },
    tree: { z: d, 'z/a': a, 'z/b': 'f 644 0:0 b' },
  },
  'C4: of two folders with a file of one name, the later one’s stays': {
    dockerfile: 'COPY x y /z/',
    files: { 'x/a': 'old', 'y/a': 'a' },
    tree: { z: d, 'z/a': a },
  },
  'C4: a dot is the whole context': {
    dockerfile: 'COPY . /y/',
    files: { 'x/a': 'a', '.dockerignore': 'Dockerfile\n.dockerignore' },
    tree: { y: d, 'y/x': d, 'y/x/a': a },
  },
  'C7: an asterisk takes what it matches in one folder': {
    dockerfile: 'COPY *.c /',
    files: { 'a.c': '1', 'b.c': '2', 'x/c.c': '3', 'd.h': '4' },
    tree: { 'a.c': 'f 644 0:0 1', 'b.c': 'f 644 0:0 2' },
  },
  'C7: a question mark is one character': {
    dockerfile: 'COPY ?.c /',
    files: { 'a.c': '1', 'ab.c': '2' },
    tree: { 'a.c': 'f 644 0:0 1' },
  },
  'C7: a class of characters, and its opposite': {
    dockerfile: 'COPY [a-c][^x] /',
    files: { ay: '1', ax: '2', dy: '3' },
    tree: { ay: 'f 644 0:0 1' },
  },
  'C7: a wildcard in the middle of a path': {
    dockerfile: 'COPY */a /',
    files: { 'x/a': 'a', 'x/b': 'b' },
    tree: { a },
  },
  'C7: a folder that a wildcard takes gives its contents': {
    dockerfile: 'COPY x* /',
    files: { 'xy/a': 'a' },
    tree: { a },
  },
  'C8: a wildcard that takes nothing makes an empty layer, and no destination': {
    dockerfile: 'COPY *.none /y/',
    tree: {},
  },
  'C9: a name with the signs of a pattern is written as one': {
    dockerfile: 'COPY [[]x] /',
    files: { '[x]': 'a' },
    tree: { '[x]': a },
  },
  'C9: in JSON form names may have spaces': {
    dockerfile: 'COPY ["a b", "/c d/"]',
    files: { 'a b': 'a' },
    tree: { 'c d': d, 'c d/a b': a },
  },
  // destinations
  'C2: a relative destination is below WORKDIR': {
    dockerfile: 'WORKDIR /w\nCOPY a x/',
    files: { a: 'a' },
    tree: { w: d, 'w/x': d, 'w/x/a': a },
  },
  'C2: a dot is WORKDIR itself': {
    dockerfile: 'WORKDIR /w\nCOPY a .',
    files: { a: 'a' },
    tree: { w: d, 'w/a': a },
  },
  'C2: .. in a destination ends at the root': { dockerfile: 'COPY a /../../a', files: { a: 'a' }, tree: { a } },
  'C5: into a folder that is there, without a slash': {
    dockerfile: 'WORKDIR /x\nCOPY a /x',
    files: { a: 'a' },
    tree: { x: d, 'x/a': a },
  },
  'C6: to nothing, without a slash, it is the file’s name': {
    dockerfile: 'COPY a /x/y/b',
    files: { a: 'a' },
    tree: { x: d, 'x/y': d, 'x/y/b': a },
  },
  'C6: a file under another name replaces one': {
    dockerfile: 'COPY b /x\nCOPY a /x',
    files: { a: 'a', b: 'b' },
    tree: { x: a },
  },
  'C11: through a link to a folder, into the real one': {
    dockerfile: 'COPY x /\nCOPY a /link/',
    files: { a: 'a' },
    prepare: 'mkdir -p x/real; ln -s real x/link',
    tree: { real: d, link: 'l 0:0 -> real', 'real/a': a },
  },
  'C11: through a link in the middle of the destination': {
    dockerfile: 'COPY x /\nCOPY a /link/y/b',
    files: { a: 'a' },
    prepare: 'mkdir -p x/real; ln -s /real x/link',
    tree: { real: d, link: 'l 0:0 -> /real', 'real/y': d, 'real/y/b': a },
  },
  'C11: a link that climbs out ends at the image’s root': {
    dockerfile: 'COPY x /\nCOPY a /link/',
    files: { a: 'a' },
    prepare: 'mkdir x; ln -s ../../../../y x/link',
    tree: { link: 'l 0:0 -> ../../../../y', y: d, 'y/a': a },
  },
  'C13: through a link to a file, which stays a link': {
    dockerfile: 'COPY x /\nCOPY a /link',
    files: { a: 'a', 'x/real': 'old' },
    prepare: 'ln -s real x/link',
    tree: { real: a, link: 'l 0:0 -> real' },
  },
  'C13: inside a copied folder a link is replaced by the file': {
    dockerfile: 'COPY x /y/\nCOPY z /y/',
    files: { 'x/real': 'old', 'z/link': 'a' },
    prepare: 'ln -s real x/link',
    tree: { y: d, 'y/real': 'f 644 0:0 old', 'y/link': a },
  },
  // modes and owners
  'C15: the destination is 755, whatever the source folder is': {
    dockerfile: 'COPY x /y/',
    files: { 'x/a': 'a' },
    prepare: 'chmod 700 x',
    tree: { y: d, 'y/a': a },
  },
  'C15: folders further down keep their modes': {
    dockerfile: 'COPY x /y/',
    files: { 'x/z/a': 'a' },
    prepare: 'chmod 700 x/z; chmod 640 x/z/a',
    tree: { y: d, 'y/z': 'd 700 0:0', 'y/z/a': 'f 640 0:0 a' },
  },
  'C15: a destination that is there keeps its mode and owner': {
    dockerfile: 'COPY --chown=5:6 x /\nCOPY z /y/',
    files: { 'x/y/b': 'b', 'z/a': 'a' },
    prepare: 'chmod 711 x/y',
    tree: { y: 'd 711 5:6', 'y/b': 'f 644 5:6 b', 'y/a': a },
  },
  'C15: a folder further down that is there takes the source’s mode and root as its owner': {
    dockerfile: 'COPY --chown=5:6 x /\nCOPY z /',
    files: { 'x/y/b': 'b', 'z/y/a': 'a' },
    prepare: 'chmod 711 x/y; chmod 750 z/y',
    tree: { y: 'd 750 0:0', 'y/b': 'f 644 5:6 b', 'y/a': a },
  },
  'C16: parents that are made take --chown': {
    dockerfile: 'COPY --chown=5:6 a /x/y/',
    files: { a: 'a' },
    tree: { x: 'd 755 5:6', 'x/y': 'd 755 5:6', 'x/y/a': 'f 644 5:6 a' },
  },
  'C16: parents that are made can be entered, whatever --chmod says': {
    dockerfile: 'COPY --chmod=640 a /x/',
    files: { a: 'a' },
    tree: { x: d, 'x/a': 'f 640 0:0 a' },
  },
  'C17: files of the context are root’s': {
    dockerfile: 'COPY a /',
    files: { a: 'a' },
    prepare: 'chown 7:8 a',
    tree: { a },
  },
  'C17: files of another stage keep their owners': {
    dockerfile: 'FROM scratch AS x\nCOPY --chown=5:6 a /\nFROM scratch\nCOPY --from=x /a /b',
    files: { a: 'a' },
    tree: { b: 'f 644 5:6 a' },
  },
  'C18: a number alone is user and group': {
    dockerfile: 'COPY --chown=5 a /',
    files: { a: 'a' },
    tree: { a: 'f 644 5:5 a' },
  },
  'C18: a name has its own group': {
    dockerfile: 'COPY etc /etc/\nCOPY --chown=app a /',
    files: { a: 'a', 'etc/passwd': 'app:x:5:6::/:/bin/sh\n' },
    tree: { etc: d, 'etc/passwd': 'f 644 0:0 app:x:5:6::/:/bin/sh\n', a: 'f 644 5:6 a' },
  },
  'C18: names of a user and of a group': {
    dockerfile: 'COPY etc /etc/\nCOPY --chown=app:team a /',
    files: { a: 'a', 'etc/passwd': 'app:x:5:6::/:/bin/sh\n', 'etc/group': 'team:x:9:\n' },
    tree: {
      etc: d,
      'etc/passwd': 'f 644 0:0 app:x:5:6::/:/bin/sh\n',
      'etc/group': 'f 644 0:0 team:x:9:\n',
      a: 'f 644 5:9 a',
    },
  },
  'C19: an octal mode, with its special bits': {
    dockerfile: 'COPY --chmod=4711 a /',
    files: { a: 'a' },
    tree: { a: 'f 4711 0:0 a' },
  },
  'C19: a symbolic mode goes by what each file is': {
    dockerfile: 'COPY --chmod=u=rwX,go=rX x /y/',
    files: { 'x/a': 'a', 'x/b': ['b', 0o700], 'x/z/': '' },
    prepare: 'chmod 700 x/z',
    tree: { y: d, 'y/a': a, 'y/b': 'f 755 0:0 b', 'y/z': d },
  },
  'C19: +x adds, g=u copies': {
    dockerfile: 'COPY --chmod=+x a /\nCOPY --chmod=g=u b /',
    files: { a: 'a', b: ['b', 0o640] },
    tree: { a: 'f 755 0:0 a', b: 'f 660 0:0 b' },
  },
  'C28: modes of the context are copied as they are': {
    dockerfile: 'COPY a b /',
    files: { a: ['a', 0o600], b: ['b', 0o777] },
    tree: { a: 'f 600 0:0 a', b: 'f 777 0:0 b' },
  },
  'C29: setuid and sticky stay': {
    dockerfile: 'COPY x /',
    files: { 'x/a': 'a', 'x/t/': '' },
    prepare: 'chmod 4755 x/a; chmod 1777 x/t',
    tree: { a: 'f 4755 0:0 a', t: 'd 1777 0:0' },
  },
  // links and special files
  'C10: a source that is a link is the file it leads to': {
    dockerfile: 'COPY link /b',
    files: { a: 'a' },
    prepare: 'ln -s a link',
    tree: { b: a },
  },
  'C10: a source that is a link to a folder gives that one’s contents': {
    dockerfile: 'COPY link /y/',
    files: { 'x/a': 'a' },
    prepare: 'ln -s x link',
    tree: { y: d, 'y/a': a },
  },
  'C10: an absolute link is one of the context': {
    dockerfile: 'COPY link /b',
    files: { a: 'a' },
    prepare: 'ln -s /a link',
    tree: { b: a },
  },
  'C10: links below a copied folder stay links, leading anywhere': {
    dockerfile: 'COPY x /',
    files: { 'x/': '' },
    prepare: 'ln -s nowhere x/a; ln -s /etc/passwd x/b; ln -s ../../.. x/c',
    tree: { a: 'l 0:0 -> nowhere', b: 'l 0:0 -> /etc/passwd', c: 'l 0:0 -> ../../..' },
  },
  'C26: pipes and devices are made anew': {
    dockerfile: 'COPY x /',
    files: { 'x/': '' },
    prepare: 'mkfifo -m 600 x/p; mknod -m 660 x/c c 1 3',
    tree: { p: 'p 600 0:0', c: 'c 660 0:0' },
  },
  'C26: a socket arrives as an empty file': {
    dockerfile: 'COPY x /',
    files: { 'x/': '' },
    prepare: `python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("x/s")'; chmod 755 x/s`,
    tree: { s: 'f 755 0:0 ' },
  },
  'C31: the whole context, without a Dockerfile that is ignored': {
    dockerfile: 'COPY . .',
    files: { a: 'a', '.dockerignore': 'Dockerfile*\n.dockerignore' },
    tree: { a },
  },
  // flags
  'C20: --link does not go through links of the tree below': {
    dockerfile: 'COPY x /\nCOPY --link a /link/',
    files: { a: 'a' },
    prepare: 'mkdir -p x/real; ln -s real x/link',
    tree: { real: d, link: d, 'link/a': a },
  },
  'C20: --link gives folders that are there its own attributes': {
    dockerfile: 'COPY --chown=5:6 x /\nCOPY --link a /y/',
    files: { a: 'a', 'x/y/b': 'b' },
    tree: { y: d, 'y/b': 'f 644 5:6 b', 'y/a': a },
  },
  'C21: --parents keeps the path': {
    dockerfile: 'COPY --parents x/y/a /z/',
    files: { 'x/y/a': 'a' },
    tree: { z: d, 'z/x': d, 'z/x/y': d, 'z/x/y/a': a },
  },
  'C21: --parents keeps it from the dot on': {
    dockerfile: 'COPY --parents x/./y/a /z/',
    files: { 'x/y/a': 'a' },
    tree: { z: d, 'z/y': d, 'z/y/a': a },
  },
  'C21: --parents knows two asterisks': {
    dockerfile: 'COPY --parents **/*.c /',
    files: { 'a.c': '1', 'x/y/b.c': '2', 'x/c.h': '3' },
    tree: { 'a.c': 'f 644 0:0 1', x: d, 'x/y': d, 'x/y/b.c': 'f 644 0:0 2' },
  },
  'C22: --exclude leaves out, relative to the source': {
    dockerfile: 'COPY --exclude=*.txt --exclude=z x /',
    files: { 'x/a': 'a', 'x/b.txt': 'b', 'x/z/c': 'c' },
    tree: { a },
  },
  'C22: --exclude takes back with !': {
    dockerfile: 'COPY --exclude=* --exclude=!a x /',
    files: { 'x/a': 'a', 'x/b': 'b' },
    tree: { a },
  },
  'C23: --from takes a stage by name in any case, or by number': {
    dockerfile: 'FROM scratch AS one\nCOPY a /\nFROM scratch\nCOPY --from=ONE /a /b\nCOPY --from=0 /a /c',
    files: { a: 'a' },
    tree: { b: a, c: a },
  },
  'C23: --from takes a named context': {
    dockerfile: 'COPY --from=base /etc/motd /',
    tree: { motd: 'f 644 0:0 second layer\n' },
  },
  'C14: a file where a link to a folder was': {
    dockerfile: 'COPY x /\nCOPY z /',
    files: { 'z/link': 'a' },
    prepare: 'mkdir -p x/real; ln -s real x/link',
    tree: { real: d, link: a },
  },
  'ADD copies what is no archive as COPY does': {
    dockerfile: 'ADD x /y/',
    files: { 'x/a': 'a' },
    tree: { y: d, 'y/a': a },
  },
  'variables are expanded in sources, destination and flags': {
    dockerfile: 'ARG s=a dst=/y/ o=5:6 m=600\nCOPY --chown=$o --chmod=${m} $s ${dst:-/}',
    files: { a: 'a' },
    tree: { y: 'd 755 5:6', 'y/a': 'f 600 5:6 a' },
  },
}

describe('the image holds', () => {
  test.each(Object.entries(successes))('%s', async (_, success) => {
    expect(look(await projectOf(success).buildFiles())).toEqual(success.tree)
  })
})

const failures: Readonly<Record<string, Failure>> = {
  'C3: several sources to one file': {
    dockerfile: 'COPY a b /x',
    files: { a: 'a', b: 'b' },
    error: 'COPY_CONFLICT',
  },
  'C3: a wildcard that takes several, to one file': {
    dockerfile: 'COPY *.c /x',
    files: { 'a.c': 'a', 'b.c': 'b' },
    error: 'COPY_CONFLICT',
  },
  'C8: a source that is not there': { dockerfile: 'COPY none /', error: 'COPY_SOURCE_MISSING' },
  'C10: a source that is a link to nothing': {
    dockerfile: 'COPY link /',
    prepare: 'ln -s nowhere link',
    error: 'COPY_SOURCE_MISSING',
  },
  'C10: a source that leads out of the context': {
    dockerfile: 'COPY link /',
    prepare: 'ln -s /etc/passwd link',
    error: 'COPY_SOURCE_MISSING',
  },
  'C12: a folder onto a link to a folder, further down': {
    dockerfile: 'COPY x /\nCOPY z /',
    files: { 'z/link/a': 'a' },
    prepare: 'mkdir -p x/real; ln -s real x/link',
    error: 'COPY_CONFLICT',
  },
  'C14: a file over a folder': {
    dockerfile: 'COPY x /\nCOPY z /',
    files: { 'x/y/a': 'a', 'z/y': 'b' },
    error: 'COPY_CONFLICT',
  },
  'C14: a folder over a file': {
    dockerfile: 'COPY x /\nCOPY z /',
    files: { 'x/y': 'a', 'z/y/a': 'b' },
    error: 'COPY_CONFLICT',
  },
  'C14: into a file, as if it were a folder': {
    dockerfile: 'COPY a /x\nCOPY a /x/',
    files: { a: 'a' },
    error: 'COPY_CONFLICT',
  },
  'C14: below a file': { dockerfile: 'COPY a /x\nCOPY a /x/y', files: { a: 'a' }, error: 'COPY_CONFLICT' },
  'C18: an owner that nobody knows': { dockerfile: 'COPY --chown=app a /', files: { a: 'a' }, error: 'OWNER_UNKNOWN' },
  'C18: a group that nobody knows': {
    dockerfile: 'COPY --chown=5:team a /',
    files: { a: 'a' },
    error: 'OWNER_UNKNOWN',
  },
  'C19: a mode that is none': {
    dockerfile: 'COPY --chmod=999 a /',
    files: { a: 'a' },
    error: 'INSTRUCTION_INVALID',
  },
  'C21: a path that is not there, with --parents': { dockerfile: 'COPY --parents x/a /', error: 'COPY_SOURCE_MISSING' },
  'C23: a stage that comes later': {
    dockerfile:
      'FROM scratch\nCOPY --from=later /a /\nFROM scratch AS later\nCOPY a /\nFROM scratch\nCOPY --from=0 /a /',
    files: { a: 'a' },
    error: 'STAGE_NOT_FOUND',
  },
  'C32: a source that is ignored': {
    dockerfile: 'COPY a /',
    files: { a: 'a', '.dockerignore': 'a' },
    error: 'COPY_SOURCE_MISSING',
  },
}

describe('the build fails, in words, for', () => {
  test.each(Object.entries(failures))('%s', async (_, failure) => {
    const { code, stderr } = await projectOf(failure).try()
    expect({ code, error: /: ([A-Z_]+): /.exec(stderr)?.[1] }).toEqual({ code: 1, error: failure.error })
    expect(stderr).not.toMatch(/^ {4}at /m)
  })
})

describe('times and links of copied files', () => {
  test('C27: a file keeps its time, in whole seconds, and a folder that is made has the present one', async () => {
    const at = projectOf({ dockerfile: 'COPY a /x/', files: { a: 'a' }, prepare: 'touch -d @1000.75 a' })
    const tree = await at.buildFiles()
    const time = (path: string): number =>
      Number(execFileSync('stat', ['-c', '%Y', `${tree}/${path}`], { encoding: 'utf8' }))
    expect(time('x/a')).toBe(1000)
    expect(time('x')).toBeGreaterThan(Date.now() / 1000 - 600)
  })

  test('C24: names of one file in a folder stay names of one file', async () => {
    const tree = await projectOf({ dockerfile: 'COPY x /', files: { 'x/a': 'a' }, prepare: 'ln x/a x/b' }).buildFiles()
    expect(execFileSync('stat', ['-c', '%h', `${tree}/a`], { encoding: 'utf8' })).toBe('2\n')
  })

  test('C24: as two sources they become two files', async () => {
    const prepare = 'ln x/a x/b'
    const tree = await projectOf({ dockerfile: 'COPY x/a x/b /', files: { 'x/a': 'a' }, prepare }).buildFiles()
    expect(execFileSync('stat', ['-c', '%h', `${tree}/a`], { encoding: 'utf8' })).toBe('1\n')
  })

  test('C25: attributes of the context’s files are not copied', async () => {
    const prepare = 'setfattr -n user.x -v y a'
    const tree = await projectOf({ dockerfile: 'COPY a /', files: { a: 'a' }, prepare }).buildFiles()
    expect(execFileSync('getfattr', ['-d', `${tree}/a`], { encoding: 'utf8' })).toBe('')
  })

  test('C30: a file with holes arrives with all its bytes', async () => {
    const tree = await projectOf({ dockerfile: 'COPY a /', prepare: 'truncate -s 3M a; printf x >> a' }).buildFiles()
    expect(execFileSync('stat', ['-c', '%s', `${tree}/a`], { encoding: 'utf8' })).toBe(`${3 * 1024 * 1024 + 1}\n`)
  })
})
