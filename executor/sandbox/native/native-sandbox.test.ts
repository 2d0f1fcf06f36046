import { openRemoteSandbox } from '../../../test/support/remote-sandbox.ts'
import { describeSandbox } from '../sandbox.suite.ts'

describeSandbox('our own namespaces', () => openRemoteSandbox('native'), { isolation: 'namespaces', owner: 0 })
