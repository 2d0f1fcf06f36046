import { findHeredocToken, type Heredoc } from '../parser/heredoc.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import { readFlags } from './flag-values.ts'
import { invalid } from './invalid.ts'
import type { CopyInstruction } from './types.ts'
import { findJsonWords, splitBlanks } from './words.ts'
import { written } from './written.ts'

/** @see https://docs.docker.com/reference/dockerfile/#copy */
export function parseCopy(syntax: InstructionSyntax): CopyInstruction {
  const paths = readPaths(syntax, 'COPY')
  const { from, chown, chmod, link, parents, exclude } = readFlags(syntax.flags, {
    from: 'text',
    chown: 'text',
    chmod: 'text',
    link: 'boolean',
    parents: 'boolean',
    exclude: 'texts',
  })
  return {
    kind: 'copy',
    ...written(syntax),
    ...paths,
    from,
    chown,
    chmod,
    checksum: undefined,
    excludes: exclude,
    link: link ?? false,
    parents: parents ?? false,
    unpack: false,
    keepGitDirectory: undefined,
  }
}

/** @see https://docs.docker.com/reference/dockerfile/#add */
export function parseAdd(syntax: InstructionSyntax): CopyInstruction {
  const paths = readPaths(syntax, 'ADD')
  const flags = readFlags(syntax.flags, {
    chown: 'text',
    chmod: 'text',
    link: 'boolean',
    'keep-git-dir': 'boolean',
    checksum: 'text',
    unpack: 'boolean',
    exclude: 'texts',
  })
  return {
    kind: 'add',
    ...written(syntax),
    ...paths,
    from: undefined,
    chown: flags.chown,
    chmod: flags.chmod,
    checksum: flags.checksum,
    excludes: flags.exclude,
    link: flags.link ?? false,
    parents: false,
    unpack: flags.unpack,
    keepGitDirectory: flags['keep-git-dir'],
  }
}

function readPaths(syntax: InstructionSyntax, instruction: string) {
  const words = findJsonWords(syntax.rest) ?? splitBlanks(syntax.rest)
  const destination = words.at(-1)
  if (destination === undefined || words.length < 2) {
    throw invalid(
      syntax.range,
      `${instruction} requires at least two arguments, a source and a destination`,
      `Write ${instruction} source… destination.`,
    )
  }
  if (findHeredocToken(destination.text) !== undefined) {
    throw invalid(destination.range, `${instruction} cannot accept a heredoc as a destination`)
  }
  const sources: PlacedText[] = []
  const documents: Heredoc[] = []
  for (const word of words.slice(0, -1)) {
    const token = findHeredocToken(word.text)
    if (token === undefined) sources.push(word)
    else {
      const heredoc = syntax.heredocs.findLast(({ name }) => name === token.name)
      documents.push({ ...token, body: heredoc?.body ?? word.slice(word.text.length) })
    }
  }
  return { sources, documents, destination }
}
