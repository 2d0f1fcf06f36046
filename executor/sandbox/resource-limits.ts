import { BuildError } from '../../core/errors.ts'
import type { Ulimit, UlimitName } from '../../core/ulimits.ts'
import { getLimit, type ResourceLimit } from '../linux/index.ts'
import type { SandboxProcess } from './sandbox.ts'

export interface NamedLimit extends ResourceLimit {
  readonly name: UlimitName
}

/** The limits to set for a process: those asked for. A hard limit is never raised above our own, which takes a privilege that build machines often lack.
 *  @param openFiles the soft limit that our caller had, before Node raised its own; `undefined` leaves that
 *  @throws {BuildError} `OPTION_INVALID` for a limit above our own */
export function limitsFor({ ulimits }: SandboxProcess, openFiles: number | undefined): readonly NamedLimit[] {
  const asked = ulimits.map(allowed)
  if (openFiles === undefined || asked.some(({ name }) => name === 'nofile')) return asked
  const { hard } = getLimit('nofile')
  return [{ name: 'nofile', soft: Math.min(openFiles, hard), hard }, ...asked]
}

function allowed({ name, soft, hard }: Ulimit): NamedLimit {
  const own = getLimit(name)
  const [wantedSoft, wantedHard] = [unlimitedIfNegative(soft), unlimitedIfNegative(hard)]
  if (wantedHard <= own.hard) return { name, soft: wantedSoft, hard: wantedHard }
  throw new BuildError(
    'OPTION_INVALID',
    `Cannot set the limit ${name} to ${shown(wantedHard)}: ours is ${shown(own.hard)}`,
    {
      hint: `Ask for ${own.hard} at most, or start stave with a higher hard limit (ulimit -H, or LimitNOFILE= and its like of a service).`,
    },
  )
}

/** Docker writes -1 for "no limit". */
function unlimitedIfNegative(value: number): number {
  return value < 0 ? Infinity : value
}

function shown(value: number): string {
  return value === Infinity ? 'unlimited' : String(value)
}
