import { containerCapabilities } from '../../executor/sandbox/view.ts'

/** Put before a command: what root may do in a container that Docker made. It may mount nothing, for one. */
export const inContainer: readonly string[] = [
  'setpriv',
  '--bounding-set',
  ['-all', ...containerCapabilities.map((name) => name.replace('CAP_', '+').toLowerCase())].join(','),
  '--',
]
