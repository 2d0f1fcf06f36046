import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { SandboxMount } from '../sandbox.ts'
import { putRealMount } from './real-mount.ts'

/** What another step may put into a cache that both share, at any moment: after the targets of mounts were looked for. */
test('a link in the way of a target leads nowhere outside the root', () => {
  const outside = temporaryFolder()
  const root = temporaryFolder()
  mkdirSync(join(root, 'cache'))
  symlinkSync(outside, join(root, 'cache/link'))
  const wanted: readonly SandboxMount[] = [
    { kind: 'tmpfs', target: '/cache/link/new/place', sizeBytes: undefined, mode: 0o755 },
    { kind: 'bind', source: root, target: '/cache/link/new', readOnly: true, hardened: false, noExec: false },
    { kind: 'bind', source: '/etc/passwd', target: '/cache/link/new', readOnly: true, hardened: false, noExec: false },
    { kind: 'bind', source: root, target: '/cache/link', readOnly: true, hardened: false, noExec: false },
  ]
  for (const mount of wanted) expect(() => putRealMount(root, mount)).toThrow('EEXIST')
  expect(readdirSync(outside)).toEqual([])
  expect(existsSync(join(root, 'cache/link/cache'))).toBe(false)
})
