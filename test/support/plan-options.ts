import type { PlanOptions } from '../../frontend/index.ts'

/** A plan of which nothing in particular is wanted. */
export const plainPlan: PlanOptions = {
  buildArgs: new Map(),
  target: undefined,
  targetPlatform: { os: 'linux', architecture: 'amd64' },
  buildPlatform: { os: 'linux', architecture: 'amd64' },
  labels: new Map(),
  network: 'default',
  noCache: false,
  namedContexts: new Map(),
  ignore: new Map(),
  extraHosts: [],
  limits: { shmSizeBytes: undefined, ulimits: [], cgroupParent: undefined },
  entitlements: new Set(),
  multiPlatform: false,
}
