import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { ImageLayer, ImageWriter } from '../erofs/index.ts'
import { archiveChunks } from './archive.ts'
import { layerChanges } from './layer-changes.ts'
import { findNote } from './revision-note.ts'
import { revisedArchive, writeRevision } from './revision.ts'

const script = `
  mkdir -p a/b a.d z && echo one > a/b/1 && echo two > a/b/2 && echo three > a.d/3 && head -c 700000 /dev/zero > a/large
  ln -s nowhere a/link && echo four > a/4 && : > z/empty && echo long > "z/$(printf 'n%.0s' {1..200})"
  find . -exec touch -h -d @1700000000 {} +
`

/** What becomes of it, by a title. */
const changes: Readonly<Record<string, string>> = {
  'a file that is longer': 'head -c 5000 /dev/zero > a/b/1',
  'a file that is shorter than a block': ': > a/large',
  'the first and the last entry': `echo x > a/4 && echo y > "z/$(printf 'n%.0s' {1..200})"`,
  'another time and mode of a directory': 'touch -d @1 a/b && chmod 700 a.d',
  'another target': 'ln -sf elsewhere a/link',
  'files that are new at the beginning, between and at the end': 'echo n > 0 && echo n > a/b/11 && echo n > zz',
  'a new directory with files': 'mkdir -p a/c/d && echo n > a/c/d/e && echo n > a/c-d',
  'names that take a header of their own': `echo n > "a/$(printf 'ü%.0s' {1..120})" && echo n > "$(printf 'n%.0s' {1..180})"`,
}

const bash = (line: string, cwd: string): void => {
  execFileSync('bash', ['-ec', line], { cwd })
}

function copyAlone(paths: readonly string[], from: string, to: string): void {
  const options = ['--format=pax', '--no-recursion', '--null', '--files-from=-', '-cf', '-']
  const archive = execFileSync('tar', options, { cwd: from, input: paths.join('\0'), maxBuffer: 1e8 })
  execFileSync('tar', ['-xpf', '-'], { cwd: to, input: archive })
}

function archiveOf(folder: string): Buffer {
  return whole(archiveChunks(layerChanges(folder, [])))
}

/** Chunks hold until the next one is asked for. */
function whole(chunks: Iterable<Uint8Array>): Buffer {
  const copies: Buffer[] = []
  for (const chunk of chunks) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

for (const [what, change] of Object.entries(changes)) {
  test(`a revised archive is as one made anew: ${what}`, async () => {
    const root = temporaryFolder()
    const at = (name: string): string => join(root, name)
    for (const name of ['before', 'revision']) mkdirSync(at(name))
    bash(script, at('before'))
    {
      using writer = new ImageWriter(at('image'))
      for (const chunk of archiveChunks(layerChanges(at('before'), []))) writer.append(chunk)
      writer.finish(new ImageLayer({ mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n }, 0n).root)
    }
    execFileSync('cp', ['-a', at('before'), at('after')])
    bash(change, at('after'))
    const changed = [...layerChanges(at('after'), [at('before')])].map(({ path }) => path)
    await writeRevision(at('revision'), { name: 'earlier', image: at('image') }, (files) => {
      copyAlone(changed, at('after'), files)
      return Promise.resolve()
    })
    expect(findNote(at('revision'))?.of).toBe('earlier')
    const revised = whole(revisedArchive(at('image'), at('revision')))
    expect(revised.equals(archiveOf(at('after')))).toBe(true)
    expect(revised.equals(archiveOf(at('before')))).toBe(false)
  })
}
