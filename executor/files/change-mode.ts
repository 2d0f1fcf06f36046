import { BuildError } from '../../core/errors.ts'
import type { ModeChange } from '../../core/ops.ts'

/** The mode after the change, as chmod(1) makes it: octal replaces all bits; symbolic changes some. The umask plays no part.
 *  @throws {BuildError} `INSTRUCTION_INVALID` for symbolic text that is none. */
export function changeMode(change: ModeChange, mode: number, isDirectory: boolean): number {
  switch (change.kind) {
    case 'octal':
      return change.mode
    case 'symbolic':
      return change.text.split(',').reduce((current, clause) => applyClause(clause, current, isDirectory), mode)
    default:
      return change satisfies never
  }
}

const whoShifts: Readonly<Record<string, readonly number[]>> = { u: [6], g: [3], o: [0], a: [6, 3, 0] }

function applyClause(clause: string, mode: number, isDirectory: boolean): number {
  const match = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause)
  if (match === null) {
    throw new BuildError(
      'INSTRUCTION_INVALID',
      `Cannot apply mode ${JSON.stringify(clause)}: it is not a symbolic mode`,
      {
        hint: 'Write it as chmod does, such as u=rwX,go=rX or +x.',
      },
    )
  }
  const [, who = '', actions = ''] = match
  const shifts = [...new Set([...(who === '' ? 'a' : who)].flatMap((letter) => whoShifts[letter] ?? []))]
  const steps = [...actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)]
  return steps.reduce((current, [, operator = '', permissions = '']) => {
    const bits = shifts.reduce((all, shift) => all | (bitsOf(permissions, current, isDirectory) << shift), 0)
    const special = specialBits(permissions, shifts)
    const covered = shifts.reduce((all, shift) => all | (0o7 << shift), 0)
    if (operator === '+') return current | bits | special
    if (operator === '-') return current & ~(bits | special)
    return (current & ~(covered | coveredSpecial(shifts, isDirectory))) | bits | special
  }, mode)
}

function bitsOf(permissions: string, mode: number, isDirectory: boolean): number {
  if (permissions === 'u') return (mode >> 6) & 0o7
  if (permissions === 'g') return (mode >> 3) & 0o7
  if (permissions === 'o') return mode & 0o7
  const executable = isDirectory || (mode & 0o111) !== 0
  return [...permissions].reduce((bits, letter) => {
    if (letter === 'r') return bits | 0o4
    if (letter === 'w') return bits | 0o2
    if (letter === 'x' || (letter === 'X' && executable)) return bits | 0o1
    return bits
  }, 0)
}

function specialBits(permissions: string, shifts: readonly number[]): number {
  const setId = permissions.includes('s') ? (shifts.includes(6) ? 0o4000 : 0) | (shifts.includes(3) ? 0o2000 : 0) : 0
  const sticky = permissions.includes('t') ? 0o1000 : 0
  return setId | sticky
}

/** What `=` clears beside the permissions. A directory keeps its set-id bits, as with GNU chmod: they mean inheritance there. */
function coveredSpecial(shifts: readonly number[], isDirectory: boolean): number {
  const setId = isDirectory ? 0 : (shifts.includes(6) ? 0o4000 : 0) | (shifts.includes(3) ? 0o2000 : 0)
  return setId | (shifts.includes(0) ? 0o1000 : 0)
}
