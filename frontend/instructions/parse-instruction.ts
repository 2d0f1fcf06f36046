import { BuildError } from '../../core/errors.ts'
import { findSuggestion } from '../../core/suggestion.ts'
import type { EscapeCharacter } from '../parser/directives.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import { didYouMean } from './invalid.ts'
import { parseAdd, parseCopy } from './parse-copy.ts'
import { parseFrom } from './parse-from.ts'
import { parseHealthcheck } from './parse-healthcheck.ts'
import {
  parseCommand,
  parseExpose,
  parseMaintainer,
  parseOnbuild,
  parseShell,
  parseStopSignal,
  parseUser,
  parseVolume,
  parseWorkdir,
} from './parse-metadata.ts'
import { parseRun } from './parse-run.ts'
import { parseArg, parseEnv, parseLabel } from './parse-variables.ts'
import type { Instruction } from './types.ts'

type InstructionParser = (syntax: InstructionSyntax, escape: EscapeCharacter) => Instruction

const parsers: ReadonlyMap<string, InstructionParser> = new Map<string, InstructionParser>([
  ['FROM', parseFrom],
  ['RUN', parseRun],
  ['COPY', parseCopy],
  ['ADD', parseAdd],
  ['ARG', parseArg],
  ['ENV', parseEnv],
  ['WORKDIR', parseWorkdir],
  ['USER', parseUser],
  ['CMD', (syntax) => parseCommand(syntax, 'cmd')],
  ['ENTRYPOINT', (syntax) => parseCommand(syntax, 'entrypoint')],
  ['LABEL', parseLabel],
  ['EXPOSE', parseExpose],
  ['VOLUME', parseVolume],
  ['STOPSIGNAL', parseStopSignal],
  ['SHELL', parseShell],
  ['HEALTHCHECK', parseHealthcheck],
  ['ONBUILD', parseOnbuild],
  ['MAINTAINER', parseMaintainer],
])

/** @throws {BuildError} `INSTRUCTION_UNKNOWN` at its name, `INSTRUCTION_INVALID` at what is wrong with it */
export function parseInstruction(syntax: InstructionSyntax, escape: EscapeCharacter): Instruction {
  const parse = parsers.get(syntax.keyword.text.toUpperCase())
  if (parse !== undefined) return parse(syntax, escape)
  const isText = !/[\u0000\ufffd]/.test(syntax.keyword.text)
  throw new BuildError('INSTRUCTION_UNKNOWN', `Unknown instruction: ${syntax.keyword.text}`, {
    hint: isText
      ? didYouMean(findSuggestion(syntax.keyword.text, parsers.keys()))
      : 'A Dockerfile is text in UTF-8: save it as that, if it is in UTF-16.',
    source: syntax.keyword.range,
  })
}
