import { getLimit, isResourceName, type ResourceLimit, type ResourceName } from '../linux/index.ts'
import type { SandboxProcess } from './sandbox.ts'

export interface NamedLimit extends ResourceLimit {
  readonly name: ResourceName
}

/** The limits to set for a process: those asked for, never above our own hard limits, since raising one takes a privilege that build machines often
 *  lack. Names that are no limits are left out.
 *  @param openFiles the soft limit that our caller had, before Node raised its own; `undefined` leaves that */
export function limitsFor({ ulimits }: SandboxProcess, openFiles: number | undefined): readonly NamedLimit[] {
  const asked =
    ulimits.some(({ name }) => name === 'nofile') || openFiles === undefined
      ? ulimits
      : [{ name: 'nofile', soft: openFiles, hard: Infinity }, ...ulimits]
  return asked.flatMap(({ name, soft, hard }) => (isResourceName(name) ? [clamp(name, soft, hard)] : []))
}

function clamp(name: ResourceName, soft: number, hard: number): NamedLimit {
  const own = getLimit(name)
  const allowedHard = Math.min(unlimitedIfNegative(hard), own.hard)
  return { name, soft: Math.min(unlimitedIfNegative(soft), allowedHard), hard: allowedHard }
}

/** Docker writes -1 for "no limit". */
function unlimitedIfNegative(value: number): number {
  return value < 0 ? Infinity : value
}
