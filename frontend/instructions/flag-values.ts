import { findSuggestion } from '../../core/suggestion.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import { didYouMean, invalid } from './invalid.ts'

/** `text` takes one value, `texts` one each time, `boolean` none or `=true`, `=false`. */
export type FlagKind = 'boolean' | 'text' | 'texts'

type FlagValue<K extends FlagKind> = K extends 'boolean'
  ? boolean | undefined
  : K extends 'text'
    ? PlacedText | undefined
    : readonly PlacedText[]

export type FlagValues<S extends Readonly<Record<string, FlagKind>>> = { readonly [N in keyof S]: FlagValue<S[N]> }

/** Reads an instruction's flags. One that was not given is `undefined`, or no elements.
 *  @throws {BuildError} `INSTRUCTION_INVALID` at the flag */
export function readFlags<S extends Readonly<Record<string, FlagKind>>>(
  flags: readonly PlacedText[],
  kinds: S,
): FlagValues<S> {
  const values: Record<string, boolean | PlacedText | PlacedText[] | undefined> = {}
  for (const [name, kind] of Object.entries(kinds)) values[name] = kind === 'texts' ? [] : undefined
  for (const flag of flags) {
    const { name, value } = splitFlag(flag)
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    const earlier = values[name]
    if (kind === undefined) {
      const hint = didYouMean(prefixed(findSuggestion(name, Object.keys(kinds))))
      throw invalid(flag.range, `Unknown flag: --${name}`, hint)
    }
    if (Array.isArray(earlier)) earlier.push(needValue(flag, name, value))
    else if (earlier !== undefined) throw invalid(flag.range, `Duplicate flag specified: --${name}`)
    else values[name] = kind === 'boolean' ? readBoolean(flag, name, value) : needValue(flag, name, value)
  }
  return values as FlagValues<S>
}

function splitFlag(flag: PlacedText) {
  const equals = flag.text.indexOf('=')
  if (equals < 0) return { name: flag.text.slice(2), value: undefined }
  return { name: flag.text.slice(2, equals), value: flag.slice(equals + 1) }
}

function needValue(flag: PlacedText, name: string, value: PlacedText | undefined): PlacedText {
  if (value === undefined) throw invalid(flag.range, `Missing a value on flag: --${name}`, `Write --${name}=value.`)
  return value
}

function readBoolean(flag: PlacedText, name: string, value: PlacedText | undefined): boolean {
  if (value === undefined) return true
  if (value.text === '') throw invalid(flag.range, `Missing a value on flag: --${name}`)
  const word = value.text.toLowerCase()
  if (word === 'true' || word === 'false') return word === 'true'
  throw invalid(value.range, `Expecting boolean value for flag --${name}, not ${JSON.stringify(value.text)}`)
}

function prefixed(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `--${name}`
}
