import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBusyboxRoot } from '../../../test/support/busybox-root.ts'
import { inContainer } from '../../../test/support/in-container.ts'
import { openRemoteSandbox } from '../../../test/support/remote-sandbox.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { describeSandbox } from '../sandbox.suite.ts'
import type { SandboxProcess } from '../sandbox.ts'

describeSandbox('chroot in a container', () => openRemoteSandbox('chroot', { prefix: inContainer }), {
  isolation: 'none',
  owner: 0,
})
describeSandbox('chroot that may mount', () => openRemoteSandbox('chroot'), { isolation: 'none', owner: 0 })

test('chroot refuses what it cannot keep: a command without network', async () => {
  await using sandbox = await openRemoteSandbox('chroot', { prefix: inContainer })
  const folder = temporaryFolder()
  const [root, scratch] = [join(folder, 'root'), join(folder, 'scratch')]
  for (const path of [root, scratch]) mkdirSync(path)
  makeBusyboxRoot(root)
  const process: SandboxProcess = {
    ...{ root, scratch, argv: ['true'], env: ['PATH=/bin'], cwd: '/', uid: 0, gid: 0, groups: [], hostname: 'h' },
    ...{ network: 'none', security: 'sandbox', mounts: [], shmSizeBytes: 1 << 20, ulimits: [] },
  }
  const running = sandbox.run(process, { signal: new AbortController().signal, onOutput: () => undefined })
  await expect(running).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' })
})
