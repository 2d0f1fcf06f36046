import { readFileSync } from 'node:fs'
import { describe } from 'vitest'
import { openRemoteSandbox } from '../../test/support/remote-sandbox.ts'
import { describeSandbox } from './sandbox.suite.ts'

const user = 1000
const hasSubordinateIds = ['/etc/subuid', '/etc/subgid'].every((path) =>
  new RegExp(`^${String(user)}:`, 'm').test(readFileSync(path, 'utf8')),
)
if (!hasSubordinateIds) {
  console.log(`No rootless tests: /etc/subuid and /etc/subgid have no entry such as "${String(user)}:200000:65536".`)
}

describe.skipIf(!hasSubordinateIds)('for an ordinary user', () => {
  const traits = { isolation: 'namespaces', owner: user } as const
  describeSandbox('OCI runtime', () => openRemoteSandbox('oci', { as: 'rootless' }), traits)
  describeSandbox('our own namespaces', () => openRemoteSandbox('native', { as: 'rootless' }), traits)
})
