import { BuildError } from '../../core/errors.ts'
import type { CopyAction } from '../../core/ops.ts'
import { goMatcher, hasWildcards, isPattern, literalPath } from '../../core/patterns/go-match.ts'
import { IgnoreMatcher, type IgnoreState } from '../../core/patterns/ignore-matcher.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { joinTreePath, nameOf, type TreeEntry, type TreeReader } from '../tree/tree-reader.ts'
import { explainMissing } from './explain-missing.ts'

/** One thing that a copy takes: a file, or a directory whose contents are meant. */
export interface SelectedSource {
  /** As the Dockerfile names it, wildcards filled in. Its last component is the name it gets in a directory. */
  readonly asked: string
  /** Where it is, links followed. */
  readonly path: string
  readonly entry: TreeEntry
}

/** An entry below a selected source. */
export interface SelectedEntry {
  /** Relative to the source; `''` is the source itself. */
  readonly relativePath: string
  readonly path: string
  readonly entry: TreeEntry
}

export type Selection = Pick<CopyAction, 'sources' | 'wildcards' | 'excludes' | 'parents'>

/** What the copy takes from the tree, in the order of the Dockerfile; matches of a wildcard sorted.
 *  @throws {BuildError} `COPY_SOURCE_MISSING` for a name without wildcards that is not there; a wildcard may match nothing. `INSTRUCTION_INVALID`
 *  for a malformed pattern */
export function selectSources(reader: TreeReader, selection: Selection): readonly SelectedSource[] {
  return selection.sources.flatMap((source) => {
    const clean = cleanSource(source)
    if (!selection.wildcards) return [selectLiteral(reader, clean)]
    if (!isPattern(clean)) throw malformed(source)
    if (!hasWildcards(clean)) return [selectLiteral(reader, literalPath(clean))]
    return matchesOf(reader, clean, selection.parents).flatMap((asked) => selectMatch(reader, asked))
  })
}

/** The entries of a source from the top down, directories before what they hold, names sorted, excludes left out. */
export function* walkSelected(
  reader: TreeReader,
  source: SelectedSource,
  excludes: readonly string[],
): Generator<SelectedEntry, void, undefined> {
  const excluded = new IgnoreMatcher(excludes)
  if (source.entry.type !== 'directory') {
    if (!excluded.ignores(nameOf(source.path))) yield { relativePath: '', path: source.path, entry: source.entry }
    return
  }
  yield { relativePath: '', path: source.path, entry: source.entry }
  yield* new SelectionWalk(reader, excluded).below(source.path, '', excluded.root)
}

class SelectionWalk {
  readonly #reader: TreeReader
  readonly #excluded: IgnoreMatcher

  constructor(reader: TreeReader, excluded: IgnoreMatcher) {
    this.#reader = reader
    this.#excluded = excluded
  }

  *below(path: string, relativePath: string, state: IgnoreState): Generator<SelectedEntry, void, undefined> {
    for (const name of this.#reader.readDirectory(path)) {
      const child = joinTreePath(path, name)
      const relativeChild = joinTreePath(relativePath, name)
      const entry = this.#reader.lstat(child)
      if (entry === undefined) continue
      const childState = this.#excluded.enter(state, relativeChild)
      if (childState.ignored) {
        yield* this.#reincluded(child, relativeChild, entry, childState)
        continue
      }
      yield { relativePath: relativeChild, path: child, entry }
      if (entry.type === 'directory') yield* this.below(child, relativeChild, childState)
    }
  }

  /** An excluded directory comes along when a `!` pattern takes something in it. */
  *#reincluded(
    path: string,
    relativePath: string,
    entry: TreeEntry,
    state: IgnoreState,
  ): Generator<SelectedEntry, void, undefined> {
    if (entry.type !== 'directory' || !this.#excluded.mayReinclude(relativePath)) return
    const inside = this.below(path, relativePath, state)
    const first = inside.next()
    if (first.done === true) return
    yield { relativePath, path, entry }
    yield first.value
    yield* inside
  }
}

/** `..` and a leading `/` stay inside the root. */
function cleanSource(source: string): string {
  const done: string[] = []
  for (const name of source.split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') done.pop()
    else done.push(name)
  }
  return done.join('/')
}

function selectLiteral(reader: TreeReader, path: string): SelectedSource {
  const resolved = resolvePath(reader, path)
  if (resolved.entry === undefined) {
    const shown = JSON.stringify(reader instanceof ContextTree ? path : `/${path}`)
    throw new BuildError('COPY_SOURCE_MISSING', `Cannot copy ${shown}: there is no such file or directory`, {
      hint: explainMissing(reader, path),
    })
  }
  return { asked: path, path: resolved.path, entry: resolved.entry }
}

function malformed(source: string): BuildError {
  return new BuildError('INSTRUCTION_INVALID', `Cannot copy ${JSON.stringify(source)}: it is a malformed pattern`, {
    hint: 'A "[" begins a set of characters and needs its "]"; the character itself is written "[[]".',
  })
}

function selectMatch(reader: TreeReader, asked: string): readonly SelectedSource[] {
  const resolved = resolvePath(reader, asked)
  return resolved.entry === undefined ? [] : [{ asked, path: resolved.path, entry: resolved.entry }]
}

function matchesOf(reader: TreeReader, pattern: string, anyDepth: boolean): readonly string[] {
  return matchBelow(reader, '', pattern.split('/'), anyDepth)
}

/** Each component of the pattern against one directory; `**` (COPY --parents) against any number of them. */
function matchBelow(
  reader: TreeReader,
  directory: string,
  patterns: readonly string[],
  anyDepth: boolean,
): readonly string[] {
  const [first, ...rest] = patterns
  if (first === undefined) return directory === '' ? [] : [directory]
  const names = reader.readDirectory(resolvePath(reader, directory).path)
  if (anyDepth && first === '**' && rest.length === 0) return names.map((name) => joinTreePath(directory, name))
  if (anyDepth && first === '**') {
    const deeper = names.filter((name) => reader.lstat(joinTreePath(directory, name))?.type === 'directory')
    const found = [
      ...matchBelow(reader, directory, rest, anyDepth),
      ...deeper.flatMap((name) => matchBelow(reader, joinTreePath(directory, name), patterns, anyDepth)),
    ]
    return [...new Set(found)].sort()
  }
  const matches = goMatcher(first)
  return names
    .filter((name) => matches(name))
    .map((name) => joinTreePath(directory, name))
    .flatMap((path) => (rest.length === 0 ? [path] : matchBelow(reader, path, rest, anyDepth)))
}
