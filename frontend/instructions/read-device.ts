import { findSuggestion } from '../../core/suggestion.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import { didYouMean, invalid } from './invalid.ts'
import type { DeviceRequest } from './types.ts'

const keys = ['name', 'required']

/** Reads `--device=vendor.com/class=name,required`: the first field that is no other key is the name.
 *  @throws {BuildError} `INSTRUCTION_INVALID` at the field
 *  @see https://docs.docker.com/reference/dockerfile/#run---device */
export function readDevice(word: PlacedText): DeviceRequest {
  let name: string | undefined
  let required = false
  for (const field of splitFields(word)) {
    const equals = field.text.indexOf('=')
    const key = (equals < 0 ? field.text : field.text.slice(0, equals)).toLowerCase()
    if (key === 'required') required = equals < 0 || readBoolean(field, field.text.slice(equals + 1))
    else if (key === 'name' && equals > 0 && name === undefined) name = field.text.slice(equals + 1)
    else if (key !== 'name' && name === undefined) name = field.text
    else throw unexpected(field, key)
  }
  if (name === undefined || name === '') {
    throw invalid(word.range, '--device needs the name of a device', 'A name is such as vendor.com/class=device.')
  }
  return { name, required, range: word.range }
}

function splitFields(word: PlacedText): readonly PlacedText[] {
  return [...word.text.matchAll(/[^,]+/g)].map(({ index, 0: field }) => word.slice(index, index + field.length))
}

function readBoolean(field: PlacedText, text: string): boolean {
  if (/^(?:1|t|true)$/i.test(text)) return true
  if (/^(?:0|f|false)$/i.test(text)) return false
  throw invalid(field.range, `Invalid value for required: ${JSON.stringify(text)}`, 'It is true or false.')
}

function unexpected(field: PlacedText, key: string) {
  return invalid(field.range, `Unexpected key '${key}' in '${field.text}'`, didYouMean(findSuggestion(key, keys)))
}
