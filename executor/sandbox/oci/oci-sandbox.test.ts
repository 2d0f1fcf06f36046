import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { openRemoteSandbox } from '../../../test/support/remote-sandbox.ts'
import { openTemporaryFolder } from '../../../test/support/temporary-folder.ts'
import { describeSandbox } from '../sandbox.suite.ts'

const programs = openTemporaryFolder()
afterAll(() => programs[Symbol.dispose]())

for (const [name, path] of [
  ['crun', '/usr/bin/crun'],
  ['runc', '/usr/sbin/runc'],
] as const) {
  describe.skipIf(!existsSync(path))(name, () => {
    const folder = join(programs.path, `only-${name}`)
    mkdirSync(folder)
    symlinkSync(path, join(folder, name))
    describeSandbox('OCI runtime', () => openRemoteSandbox('oci', { searchPath: folder }), {
      isolation: 'namespaces',
      owner: 0,
    })
  })
}
