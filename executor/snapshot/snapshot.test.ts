import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { layerChanges, type LayerChange } from '../diff/layer-changes.ts'
import type { ActiveRoot } from './active-root.ts'
import { openCopiedRoot } from './copied-root.ts'
import { openOverlayRoot } from './overlay-root.ts'

type OpenRoot = (folder: string, lower: readonly string[]) => ActiveRoot | Promise<ActiveRoot>

const below = `
  mkdir -p d/sub e/x/y empty opt && echo a > d/a && echo b > d/b && echo deep > d/sub/deep && echo x > e/x/y/z
  ln -s d/a link && ln -s d dirlink && echo f > file && ln d/a hard && mkfifo pipe && chmod 4755 d/b
  chown 12:34 e && chmod 1777 opt && setfattr -n user.mine -v yes d/a && touch -d @1000 d/b && touch -d @1000.5 file
`

/** What the script changes in a tree, as the layer's archive would say it. */
async function changesOf(openRoot: OpenRoot, script: string): Promise<readonly string[]> {
  const scratch = temporaryFolder()
  const [lower, folder] = [join(scratch, 'lower'), join(scratch, 'folder')]
  for (const path of [lower, folder]) mkdirSync(path)
  execFileSync('bash', ['-ec', below], { cwd: lower })
  await using root = await openRoot(folder, [lower])
  execFileSync('bash', ['-ec', script], { cwd: root.path })
  return [...layerChanges(await root.freeze(), [lower])].map(describeChange)
}

function describeChange(change: LayerChange): string {
  if (change.kind === 'removed') return `- ${change.path}`
  const { path, entry, hostPath, xattrs } = change
  const content =
    entry.type === 'file' ? readFileSync(hostPath, 'utf8') : entry.type === 'symlink' ? readlinkSync(hostPath) : ''
  const owner = `${entry.uid}:${entry.gid}`
  return `+ ${path} ${entry.type} ${entry.mode.toString(8)} ${owner} ${[...xattrs.keys()].join()} ${content.trim()}`
}

/** A script, and the paths that it changes. */
const cases: Readonly<Record<string, readonly [script: string, changed: readonly string[]]>> = {
  nothing: [':', []],
  reading: ['cat d/a > /dev/null; ls -R > /dev/null', []],
  'a new file, a new directory': ['echo n > new; mkdir -p n/m; echo x > n/m/o', ['+ n', '+ n/m', '+ n/m/o', '+ new']],
  'a file that is written to': ['echo more >> d/b', ['+ d', '+ d/b']],
  'a file that is written with what it had': [
    'cp -a file copy && cat copy > file && touch -r copy file && rm copy',
    [],
  ],
  'a mode': ['chmod 600 d/a', ['+ d', '+ d/a']],
  'the mode of a directory': ['chmod 700 d', ['+ d']],
  'the same mode again': ['chmod 4755 d/b; chown 0:0 d/b; chmod 4755 d/b', []],
  'an owner': ['chown -h 5:6 link', ['+ link']],
  'a time': ['touch -d @77 d/a', ['+ d', '+ d/a']],
  'an attribute': ['setfattr -n user.other -v x d/b', ['+ d', '+ d/b']],
  'a removal': ['rm d/a', ['+ d', '- d/a']],
  'a tree that is removed': ['rm -r d', ['- d']],
  'a file made anew': ['rm d/a; echo other > d/a', ['+ d', '+ d/a']],
  'a directory made anew': ['rm -r d; mkdir d; echo n > d/new', ['+ d', '- d/a', '- d/b', '+ d/new', '- d/sub']],
  'a directory made anew with one of its names': [
    'rm -r d; mkdir d; echo n > d/b',
    ['+ d', '- d/a', '+ d/b', '- d/sub'],
  ],
  'a directory in the place of a file': ['rm file; mkdir file; echo x > file/in', ['+ file', '+ file/in']],
  'a file in the place of a directory': ['rm -r d; echo x > d', ['+ d']],
  'a link in the place of a directory': ['rm -r d; ln -s e d', ['+ d']],
  'a directory in the place of a link to one': [
    'rm dirlink; mkdir dirlink; echo x > dirlink/a',
    ['+ dirlink', '+ dirlink/a'],
  ],
  'a link that leads elsewhere': ['ln -sfn e dirlink', ['+ dirlink']],
  'a file that moves': ['mv d/a moved', ['+ d', '- d/a', '+ moved']],
  'a directory that moves': ['mv e f', ['- e', '+ f', '+ f/x', '+ f/x/y', '+ f/x/y/z']],
  'two directories that change places': [
    'mv d t; mv e d; mv t e',
    [
      '+ d',
      '- d/a',
      '- d/b',
      '- d/sub',
      '+ d/x',
      '+ d/x/y',
      '+ d/x/y/z',
      '+ e',
      '+ e/a',
      '+ e/b',
      '+ e/sub',
      '+ e/sub/deep',
      '- e/x',
    ],
  ],
  'a file in the place of another by a rename': ['mv d/b d/a', ['+ d', '+ d/a', '- d/b']],
  'a further name of a file': ['ln d/b second', ['+ second']],
  'one name of a file that has two': ['echo more >> hard', ['+ hard']],
  'a named pipe and a device': ['mkfifo p; mknod null c 1 3', ['+ null', '+ p']],
  'a file that comes and goes': ['echo x > e/t; rm e/t; touch -d @500 e; touch -d @500 e', ['+ e']],
  'a file in a directory that nobody may enter': ['mkdir -m 0 shut; echo x > shut/in', ['+ shut', '+ shut/in']],
  'the mode of the root': ['chmod 711 .', []],
}

const paths = (changes: readonly string[]): readonly string[] =>
  changes.map((line) => line.split(' ').slice(0, 2).join(' '))

const openOverlay: OpenRoot = (folder, lower) => openOverlayRoot(folder, temporaryFolder(), lower)
const roots: Readonly<Record<string, OpenRoot>> = { 'an overlay': openOverlay, 'a copy': openCopiedRoot }

for (const [name, openRoot] of Object.entries(roots)) {
  describe(`in ${name}`, () => {
    for (const [what, [script, changed]] of Object.entries(cases)) {
      test(`${what}: ${changed.length === 0 ? 'no change' : changed.slice(0, 3).join(', ')}`, async () => {
        expect(paths(await changesOf(openRoot, script))).toEqual(changed)
      })
    }
  })
}

test('what changed has the same attributes and contents in an overlay and in a copy', async () => {
  for (const [script] of Object.values(cases)) {
    expect(await changesOf(openCopiedRoot, script)).toEqual(await changesOf(openOverlay, script))
  }
})

test('a name that is no UTF-8 is refused, not lost', async () => {
  await expect(changesOf(openCopiedRoot, "echo x > $'bad\\377'")).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})
