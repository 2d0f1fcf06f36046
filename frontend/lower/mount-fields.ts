import { PlacedText } from '../parser/placed-text.ts'
import { invalid } from '../instructions/invalid.ts'

/** One `key=value`, or a `key` alone, of a `--mount`. */
export interface MountField {
  /** Lower case. */
  readonly key: string
  /** `undefined`: no `=`. */
  readonly value: PlacedText | undefined
  readonly whole: PlacedText
}

/** Cuts a mount at its commas; a field in double quotes may have some, and has quotes doubled.
 *  @throws {BuildError} `INSTRUCTION_INVALID` for a quote that is not closed */
export function readMountFields(mount: PlacedText): readonly MountField[] {
  return splitCommas(mount).map((whole) => {
    const equals = whole.text.indexOf('=')
    if (equals < 0) return { key: whole.text.toLowerCase(), value: undefined, whole }
    return { key: whole.text.slice(0, equals).toLowerCase(), value: whole.slice(equals + 1), whole }
  })
}

/** What the mount is taken from: a stage, a named context, an image. It cannot depend on variables, since it decides what
 *  is built at all.
 *  @throws {BuildError} `INSTRUCTION_INVALID` */
export function findMountFrom(mount: PlacedText): PlacedText | undefined {
  const from = readMountFields(mount).findLast(({ key, value }) => key === 'from' && value !== undefined)?.value
  if (from !== undefined && /\$./.test(from.text)) {
    throw invalid(
      from.range,
      `'from' doesn't support variable expansion: ${from.text}`,
      'Define an alias stage instead: FROM $image AS name before, from=name here.',
    )
  }
  return from?.text === '' ? undefined : from
}

function splitCommas(mount: PlacedText): readonly PlacedText[] {
  const fields: PlacedText[] = []
  let at = 0
  do {
    const start = at
    if (mount.text.charAt(at) === '"') {
      const close = /^"((?:[^"]|"")*)"(?=,|$)/.exec(mount.text.slice(at))
      if (close === null) throw invalid(mount.slice(at).range, 'A quoted field of --mount is not closed')
      at += close[0].length
      const inner = mount.slice(start + 1, at - 1)
      fields.push(inner.text.includes('"') ? PlacedText.at(inner.range, inner.text.replaceAll('""', '"')) : inner)
    } else {
      const comma = mount.text.indexOf(',', at)
      at = comma < 0 ? mount.text.length : comma
      fields.push(mount.slice(start, at))
    }
  } while (at++ < mount.text.length)
  return fields
}
