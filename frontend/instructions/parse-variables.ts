import type { EscapeCharacter } from '../parser/directives.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import { readFlags } from './flag-values.ts'
import { invalid } from './invalid.ts'
import type { ArgEntry, ArgInstruction, EnvInstruction, KeyValue, LabelInstruction } from './types.ts'
import { splitQuoted } from './words.ts'
import { written } from './written.ts'

/** @see https://docs.docker.com/reference/dockerfile/#arg */
export function parseArg(syntax: InstructionSyntax, escape: EscapeCharacter): ArgInstruction {
  readFlags(syntax.flags, {})
  const words = splitQuoted(syntax.rest, escape)
  if (words.length === 0) throw invalid(syntax.range, 'ARG requires at least one argument')
  return { kind: 'arg', ...written(syntax), entries: words.map(readArgEntry) }
}

function readArgEntry(word: PlacedText): ArgEntry {
  const equals = word.text.indexOf('=')
  if (equals < 0) return { name: word.text, fallback: undefined, range: word.range }
  if (equals === 0) throw invalid(word.range, 'ARG names can not be blank')
  return { name: word.text.slice(0, equals), fallback: word.slice(equals + 1), range: word.range }
}

/** @see https://docs.docker.com/reference/dockerfile/#env */
export function parseEnv(syntax: InstructionSyntax, escape: EscapeCharacter): EnvInstruction {
  return { kind: 'env', ...written(syntax), ...readKeyValues(syntax, 'ENV', escape) }
}

/** @see https://docs.docker.com/reference/dockerfile/#label */
export function parseLabel(syntax: InstructionSyntax, escape: EscapeCharacter): LabelInstruction {
  return { kind: 'label', ...written(syntax), ...readKeyValues(syntax, 'LABEL', escape) }
}

function readKeyValues(syntax: InstructionSyntax, instruction: string, escape: EscapeCharacter) {
  readFlags(syntax.flags, {})
  const words = splitQuoted(syntax.rest, escape)
  const [first] = words
  if (first === undefined) throw invalid(syntax.range, `${instruction} requires at least one argument`)
  const legacy = !first.text.includes('=')
  const entries = legacy
    ? [readLegacy(syntax, instruction)]
    : words.map((word): KeyValue => readKeyValue(word, instruction))
  return { entries, legacy }
}

function readLegacy(syntax: InstructionSyntax, instruction: string): KeyValue {
  const [, name = '', blank = ''] = /^([^\t\v\f\r ]+)([\t\v\f\r ]+)/.exec(syntax.rest.text) ?? []
  if (blank === '') {
    throw invalid(syntax.rest.range, `${instruction} must have two arguments`, `Write ${instruction} name=value.`)
  }
  return { key: syntax.rest.slice(0, name.length), value: syntax.rest.slice(name.length + blank.length) }
}

function readKeyValue(word: PlacedText, instruction: string): KeyValue {
  const equals = word.text.indexOf('=')
  if (equals < 0) {
    const message = `Syntax error: can't find = in ${JSON.stringify(word.text)}. Must be of the form: name=value`
    throw invalid(word.range, message, 'Quote a value that has blanks in it.')
  }
  if (equals === 0) throw invalid(word.range, `${instruction} names can not be blank`)
  return { key: word.slice(0, equals), value: word.slice(equals + 1) }
}
