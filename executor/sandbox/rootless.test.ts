import { describe } from 'vitest'
import { openRemoteSandbox } from '../../test/support/remote-sandbox.ts'
import { describeSandbox } from './sandbox.suite.ts'

describe('for an ordinary user', () => {
  const traits = { isolation: 'namespaces', owner: 1000 } as const
  describeSandbox('OCI runtime', () => openRemoteSandbox('oci', { as: 'rootless' }), traits)
  describeSandbox('our own namespaces', () => openRemoteSandbox('native', { as: 'rootless' }), traits)
})
