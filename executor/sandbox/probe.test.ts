import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBusyboxRoot } from '../../test/support/busybox-root.ts'
import { openRemoteSandbox, type RemoteSandbox } from '../../test/support/remote-sandbox.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { SandboxExit } from './sandbox.ts'

function runTrue(sandbox: RemoteSandbox): Promise<SandboxExit> {
  const folder = temporaryFolder()
  const [root, scratch] = [join(folder, 'root'), join(folder, 'scratch')]
  for (const path of [root, scratch]) mkdirSync(path)
  makeBusyboxRoot(root)
  return sandbox.run(
    {
      ...{ root, scratch, argv: ['true'], env: ['PATH=/bin'], cwd: '/', uid: 0, gid: 0, groups: [], hostname: 'h' },
      ...{ network: 'default', security: 'sandbox', mounts: [], shmSizeBytes: 1 << 20, ulimits: [] },
    },
    { signal: new AbortController().signal, onOutput: () => undefined },
  )
}

const exited = { kind: 'exited', code: 0 }

test.each(['/nowhere', process.env['PATH'] ?? ''])('auto makes its own namespaces with PATH=%s', async (searchPath) => {
  await using sandbox = await openRemoteSandbox('auto', { searchPath })
  expect([sandbox.name, sandbox.fallbackReason]).toEqual(['native', undefined])
  expect(await runTrue(sandbox)).toEqual(exited)
})

test('auto uses chroot where namespaces cannot be had, and says so', async () => {
  const prefix = ['setpriv', '--bounding-set', '-sys_admin', '--']
  await using sandbox = await openRemoteSandbox('auto', { prefix })
  expect(sandbox.name).toBe('chroot')
  expect(sandbox.fallbackReason).toBe(
    'native: this process lacks the capability CAP_SYS_ADMIN; oci: this process lacks the capability CAP_SYS_ADMIN',
  )
  expect(await runTrue(sandbox)).toEqual(exited)
})

test('auto does not mind a runtime that does not work', async () => {
  const folder = temporaryFolder()
  symlinkSync('/bin/false', join(folder, 'crun'))
  await using sandbox = await openRemoteSandbox('auto', { searchPath: folder })
  expect(await runTrue(sandbox)).toEqual(exited)
})

test('one that was asked for is not replaced', async () => {
  await expect(openRemoteSandbox('oci', { searchPath: '/nowhere' })).rejects.toMatchObject({
    code: 'SANDBOX_UNAVAILABLE',
    message: 'Cannot use isolation "oci": neither crun nor runc is on the PATH',
  })
  const prefix = ['setpriv', '--bounding-set', '-sys_admin,-sys_chroot', '--']
  for (const name of ['native', 'chroot', 'auto'] as const)
    await expect(openRemoteSandbox(name, { prefix })).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' })
})
