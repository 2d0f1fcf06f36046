import type { VertexId } from '../../core/graph.ts'
import type { FileAction, FilesOp, ModeChange, Owner } from '../../core/ops.ts'
import { cleanPath, rootedPath } from '../../core/patterns/clean-path.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import { cleanPatterns } from '../ignore/clean-patterns.ts'
import type { CopyInstruction } from '../instructions/types.ts'
import { checkCopiedPath } from '../lint/check-copy.ts'
import { heredocText, type Heredoc } from '../parser/heredoc.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { StageContext } from './context.ts'
import { expandIn, shownText } from './expand.ts'
import { readChmod } from './modes.ts'
import { copyOrigin } from './needs.ts'
import { parseOwner } from './owners.ts'
import { checkChecksum, fetchSource, readSource, type CopySource } from './remote-sources.ts'

/** COPY and ADD.
 *  @see https://docs.docker.com/reference/dockerfile/#copy */
export function lowerCopy(context: StageContext, instruction: CopyInstruction, triggered: boolean): void {
  const { state, graph, names, ignoreCache } = context
  const request = readRequest(context, instruction)
  const inputs: VertexId[] = []
  const actions: FileAction[] = []
  for (const { vertex, sources, isLocal } of takenTrees(context, instruction, request)) {
    if (!inputs.includes(vertex)) inputs.push(vertex)
    actions.push({
      action: 'copy',
      from: inputs.indexOf(vertex) + 1,
      sources,
      destination: request.absolute,
      wildcards: isLocal,
      unpack: unpacks(instruction, isLocal) ? 'auto' : 'never',
      owner: request.owner,
      mode: request.mode,
      excludes: request.excludes,
      parents: instruction.parents,
    })
  }
  for (const { name, content } of request.documents) {
    const { owner, mode } = request
    actions.push({ action: 'write-file', destination: request.absolute, name, content, owner, mode })
  }
  const op: FilesOp = { type: 'files', actions }
  const kind = instruction.kind.toUpperCase()
  const shown = redactCredentials(shownText(context, instruction))
  state.recordLayer(`${kind} ${request.history.join(' ')} # buildkit`)
  const label = { ...names.next(kind, shown, triggered), source: instruction.range, ignoreCache }
  // BuildKit gives up on linking when there is a --chmod.
  if (instruction.link && request.mode === undefined) {
    const scratch = graph.add({ type: 'scratch' }, [], { name: 'scratch' })
    const files = graph.add(op, [scratch, ...inputs], label)
    const merge = { ...label, name: label.name.replace(/^(\[[^\]]*\] )?/, '$1LINK '), step: `${label.step} LINK` }
    state.tree = graph.add({ type: 'merge' }, [state.tree, files], merge)
  } else state.tree = graph.add(op, [state.tree, ...inputs], label)
}

/** Paths that are taken from one tree. */
interface TakenTree {
  readonly vertex: VertexId
  readonly sources: readonly string[]
  readonly isLocal: boolean
}

/** Where the sources are, in the order of the instruction; paths in the context that follow each other go together. What has to be asked first is left out. */
function takenTrees(
  context: StageContext,
  instruction: CopyInstruction,
  { sources }: CopyRequest,
): readonly TakenTree[] {
  const taken: TakenTree[] = []
  /** Of the last taken tree, if it is local. */
  let paths: string[] | undefined
  for (const source of sources) {
    if (source.kind !== 'path') {
      paths = undefined
      const fetched = fetchSource(context, source)
      if (fetched !== undefined) taken.push({ vertex: fetched.vertex, sources: [fetched.path], isLocal: false })
      continue
    }
    const path = instruction.parents ? pivotedPath(source.path) : rootedPath(source.path)
    if (paths !== undefined) {
      paths.push(path)
      continue
    }
    paths = [path]
    const origin = copyOrigin(instruction, context.stages, context.options)
    const vertex = context.treeOf(origin, (instruction.from ?? instruction).range)
    taken.push({ vertex, sources: paths, isLocal: true })
  }
  return taken
}

/** Without `--unpack`, ADD unpacks what is in the context, and nothing else. */
function unpacks({ kind, unpack }: CopyInstruction, isLocal: boolean): boolean {
  return unpack ?? (kind === 'add' && isLocal)
}

interface CopyRequest {
  readonly sources: readonly CopySource[]
  readonly documents: readonly { readonly name: string; readonly content: string }[]
  /** The destination, absolute; ends with `/` for "into this directory". */
  readonly absolute: string
  readonly owner: Owner | undefined
  readonly mode: ModeChange | undefined
  readonly excludes: readonly string[]
  /** What the history shows behind the instruction's name. */
  readonly history: readonly string[]
}

/** All words with their variables expanded, and checked. */
function readRequest(context: StageContext, instruction: CopyInstruction): CopyRequest {
  const { state } = context
  const expand = (word: PlacedText) => expandIn(context, instruction, word).text
  const chown = instruction.chown === undefined ? '' : expand(instruction.chown)
  const chmod = instruction.chmod === undefined ? '' : expand(instruction.chmod)
  const checksum = instruction.checksum === undefined ? '' : expand(instruction.checksum)
  const words = instruction.sources.map((word) => ({ word, text: expand(word) }))
  const destination = expand(instruction.destination)
  const mode = chmod === '' ? undefined : readChmod(chmod, (instruction.chmod ?? instruction).range)
  const sources = words.map(({ word, text }) => readSource(instruction, word, text, checksum))
  checkChecksum(instruction, sources, checksum)
  for (const source of sources) if (source.kind === 'path') checkCopiedPath(context, instruction, source.path)
  return {
    sources,
    documents: instruction.documents.map((document) => ({
      name: document.name,
      content: documentText(context, instruction, document),
    })),
    absolute: absoluteDestination(state.workdir, destination),
    owner: chown === '' ? undefined : parseOwner(chown),
    mode,
    excludes: cleanPatterns(instruction.excludes.map(({ text, range }) => ({ text, range }))),
    history: [
      ...(instruction.parents ? ['--parents'] : []),
      ...(chown === '' ? [] : [`--chown=${chown}`]),
      ...(chmod === '' ? [] : [`--chmod=${chmod}`]),
      ...words.map(({ text }) => redactCredentials(text)),
      ...instruction.documents.map(({ name }) => `<<${name}`),
      destination,
    ],
  }
}

/** In a body that is expanded, quotes are characters like others, and `\` escapes whatever the escape directive says. */
function documentText(context: StageContext, instruction: CopyInstruction, document: Heredoc): string {
  const body = heredocText(document)
  if (!document.expand) return body.text
  return expandIn(context, instruction, body, { escape: '\\', quotes: 'ordinary' }).text
}

/** A relative destination is below WORKDIR; `.`, and an end of `/` or `/.`, say "into this directory". */
function absoluteDestination(workdir: string, destination: string): string {
  const clean = cleanPath(destination.startsWith('/') ? destination : `${workdir}/${destination}`)
  const isDirectory = /(?:^|\/)\.?$/.test(destination)
  return isDirectory && clean !== '/' ? `${clean}/` : clean
}

/** With --parents, `/./` parts what is kept below the destination from what is not: it stays as the only one. */
function pivotedPath(source: string): string {
  const pivot = source.indexOf('/./')
  if (pivot < 0) return rootedPath(source)
  const root = rootedPath(source.slice(0, pivot))
  return `${root === '/' ? '' : root}/.${rootedPath(source.slice(pivot + 3))}`
}
