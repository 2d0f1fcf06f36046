import { endOfWord } from '../parser/lines.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import { readCommand } from './command-form.ts'
import { readFlags } from './flag-values.ts'
import { invalid } from './invalid.ts'
import type {
  CommandInstruction,
  ExposeInstruction,
  MaintainerInstruction,
  OnbuildInstruction,
  ShellInstruction,
  StopSignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from './types.ts'
import { findJsonWords, splitBlanks } from './words.ts'
import { written } from './written.ts'

/** @see https://docs.docker.com/reference/dockerfile/#cmd */
export function parseCommand(syntax: InstructionSyntax, kind: 'cmd' | 'entrypoint'): CommandInstruction {
  readFlags(syntax.flags, {})
  return { kind, ...written(syntax), command: readCommand(syntax.rest) }
}

/** @see https://docs.docker.com/reference/dockerfile/#workdir */
export function parseWorkdir(syntax: InstructionSyntax): WorkdirInstruction {
  return { kind: 'workdir', ...written(syntax), path: onlyArgument(syntax, 'WORKDIR') }
}

/** @see https://docs.docker.com/reference/dockerfile/#user */
export function parseUser(syntax: InstructionSyntax): UserInstruction {
  return { kind: 'user', ...written(syntax), user: onlyArgument(syntax, 'USER') }
}

/** @see https://docs.docker.com/reference/dockerfile/#stopsignal */
export function parseStopSignal(syntax: InstructionSyntax): StopSignalInstruction {
  return { kind: 'stopsignal', ...written(syntax), signal: onlyArgument(syntax, 'STOPSIGNAL') }
}

/** @see https://docs.docker.com/reference/dockerfile/#maintainer-deprecated */
export function parseMaintainer(syntax: InstructionSyntax): MaintainerInstruction {
  return { kind: 'maintainer', ...written(syntax), name: onlyArgument(syntax, 'MAINTAINER').text }
}

/** @see https://docs.docker.com/reference/dockerfile/#expose */
export function parseExpose(syntax: InstructionSyntax): ExposeInstruction {
  readFlags(syntax.flags, {})
  const ports = splitBlanks(syntax.rest)
  if (ports.length === 0) throw invalid(syntax.range, 'EXPOSE requires at least one argument')
  return { kind: 'expose', ...written(syntax), ports }
}

/** @see https://docs.docker.com/reference/dockerfile/#volume */
export function parseVolume(syntax: InstructionSyntax): VolumeInstruction {
  readFlags(syntax.flags, {})
  const paths = (findJsonWords(syntax.rest) ?? splitBlanks(syntax.rest)).map((path) => path.trim())
  if (paths.length === 0) throw invalid(syntax.range, 'VOLUME requires at least one argument')
  const empty = paths.find((path) => path.text === '')
  if (empty !== undefined) throw invalid(empty.range, 'VOLUME specified can not be an empty string')
  return { kind: 'volume', ...written(syntax), paths }
}

/** @see https://docs.docker.com/reference/dockerfile/#shell */
export function parseShell(syntax: InstructionSyntax): ShellInstruction {
  readFlags(syntax.flags, {})
  const words = findJsonWords(syntax.rest)
  if (syntax.rest.text === '' || words?.length === 0) {
    throw invalid(syntax.range, 'SHELL requires at least one argument')
  }
  if (words === undefined) {
    throw invalid(
      syntax.rest.range,
      'SHELL requires the arguments to be in JSON form',
      'Write SHELL ["/bin/bash", "-c"].',
    )
  }
  return { kind: 'shell', ...written(syntax), argv: words.map((word) => word.text) }
}

/** @see https://docs.docker.com/reference/dockerfile/#onbuild */
export function parseOnbuild(syntax: InstructionSyntax): OnbuildInstruction {
  readFlags(syntax.flags, {})
  const keyword = syntax.rest.slice(0, endOfWord(syntax.rest.text))
  switch (keyword.text.toUpperCase()) {
    case '':
      throw invalid(syntax.range, 'ONBUILD requires at least one argument')
    case 'ONBUILD':
      throw invalid(keyword.range, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    case 'FROM':
    case 'MAINTAINER':
      throw invalid(keyword.range, `${keyword.text.toUpperCase()} isn't allowed as an ONBUILD trigger`)
    default: {
      const documents = syntax.heredocs.map(({ name, body }) => `\n${body.text}${name}`)
      return { kind: 'onbuild', ...written(syntax), trigger: [syntax.rest.text, ...documents].join('') }
    }
  }
}

function onlyArgument(syntax: InstructionSyntax, instruction: string): PlacedText {
  readFlags(syntax.flags, {})
  if (syntax.rest.text === '') throw invalid(syntax.range, `${instruction} requires exactly one argument`)
  return syntax.rest
}
