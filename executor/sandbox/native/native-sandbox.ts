import { lstatSync } from 'node:fs'
import { becomeSubreaper } from '../../linux/index.ts'
import { checkRoot } from '../check-root.ts'
import type { DeviceGuard } from '../device-guard.ts'
import type { Sandbox, SandboxProcess } from '../sandbox.ts'
import { hasFilter } from '../seccomp/index.ts'
import {
  deviceNodes,
  insecureDevices,
  maskedPaths,
  namespacesFor,
  readOnlyPaths,
  systemMounts,
  type HostFacts,
} from '../view.ts'
import type { Confinement, DevicePlan } from './confinement.ts'
import { runConfined } from './run-confined.ts'

const { arch } = globalThis.process

export interface NativeOptions {
  readonly facts: HostFacts
  readonly openFiles: number | undefined
  readonly guard: DeviceGuard
}

/** Runs processes in namespaces that we make ourselves, with nothing installed. */
export function openNativeSandbox({ facts, openFiles, guard }: NativeOptions): Sandbox {
  becomeSubreaper()
  return {
    name: 'native',
    fallbackReason: undefined,
    run: async (process, io) => {
      checkRoot(process.root)
      return runConfined(process, io, {
        confinement: confinementOf(process, facts),
        openFiles,
        guard,
        filtersSyscalls: process.security === 'sandbox' && hasFilter(arch),
      })
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function confinementOf(process: SandboxProcess, facts: HostFacts): Confinement {
  const insecure = process.security === 'insecure'
  return {
    kind: 'namespaces',
    namespaces: namespacesFor(process, facts),
    hostname: process.hostname,
    systemMounts: systemMounts(process, facts),
    mounts: process.mounts,
    devices: [...devices(facts), ...(insecure ? insecureDevices.filter(isOnMachine).map(bound) : [])],
    maskedPaths: insecure ? [] : maskedPaths,
    readOnlyPaths: insecure ? [] : readOnlyPaths,
  }
}

function devices({ rootless }: HostFacts): readonly DevicePlan[] {
  return deviceNodes.map(({ name, major, minor }) =>
    rootless ? bound(name) : { name, source: { kind: 'make', major, minor } },
  )
}

function bound(name: string): DevicePlan {
  return { name, source: { kind: 'bind' } }
}

function isOnMachine(name: string): boolean {
  return lstatSync(`/dev/${name}`, { throwIfNoEntry: false }) !== undefined
}
