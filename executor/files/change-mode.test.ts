import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { changeMode } from './change-mode.ts'

const modes = [0o000, 0o600, 0o640, 0o644, 0o755, 0o4711, 0o2750, 0o1777, 0o111]
const symbols = [
  'u=rwX,go=rX',
  'a+X',
  'go-w',
  'u+s',
  'g+s',
  'u-s,g-s',
  'a=r',
  'u=',
  'g=u',
  'o=g',
  'u+x,o-r',
  'ug=rw,o=',
  'a+rw-x',
  '+t',
  'o=u-w',
]

describe.each(symbols)('--chmod=%s', (text) => {
  test.each(['file', 'directory'])('does to a %s what chmod(1) does', (kind) => {
    const path = join(temporaryFolder(), kind)
    if (kind === 'file') writeFileSync(path, '')
    else mkdirSync(path)
    for (const mode of modes) {
      chmodSync(path, mode)
      execFileSync('sh', ['-c', 'umask 0; chmod "$1" "$2"', 'sh', text, path])
      const expected = (statSync(path).mode & 0o7777).toString(8)
      expect(changeMode({ kind: 'symbolic', text }, mode, kind === 'directory').toString(8)).toBe(expected)
    }
  })
})

test.each(['rwx', 'u=q', 'z+r', ''])('%j is no mode', (text) => {
  expect(() => changeMode({ kind: 'symbolic', text }, 0o644, false)).toThrow('not a symbolic mode')
})
