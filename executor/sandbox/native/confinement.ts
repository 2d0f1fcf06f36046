import type { NamespaceKind } from '../../linux/index.ts'
import type { SandboxMount } from '../sandbox.ts'
import type { SystemMount } from '../view.ts'

/** What is put around a process. Paths outside the root are the executor's. */
export type Confinement = NamespaceConfinement | ChrootConfinement

export interface NamespaceConfinement {
  readonly kind: 'namespaces'
  readonly namespaces: readonly NamespaceKind[]
  readonly hostname: string
  readonly systemMounts: readonly SystemMount[]
  readonly mounts: readonly SandboxMount[]
  readonly devices: readonly DevicePlan[]
  readonly maskedPaths: readonly string[]
  readonly readOnlyPaths: readonly string[]
}

export interface ChrootConfinement {
  readonly kind: 'chroot'
  readonly network: 'shared' | 'none'
}

/** One device of /dev. Made, or in a user namespace, where nobody may make any, bound from outside. */
export interface DevicePlan {
  readonly name: string
  readonly source: { readonly kind: 'make'; readonly major: number; readonly minor: number } | { readonly kind: 'bind' }
}
