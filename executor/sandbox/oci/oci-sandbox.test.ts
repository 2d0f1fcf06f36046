import { openRemoteSandbox } from '../../../test/support/remote-sandbox.ts'
import { describeSandbox } from '../sandbox.suite.ts'

describeSandbox('OCI runtime', () => openRemoteSandbox('oci'), { isolation: 'namespaces', owner: 0 })
