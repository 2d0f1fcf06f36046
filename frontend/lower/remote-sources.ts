import { isDigest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { checkCommit, isGitSource, isHttpSource, parseGitSource, type GitSource } from '../../core/git-source.ts'
import type { VertexId } from '../../core/graph.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import { findUrlFileName } from '../../core/url-file-name.ts'
import { invalid } from '../instructions/invalid.ts'
import type { CopyInstruction } from '../instructions/types.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { StageContext } from './context.ts'
import type { GitQuestion, HttpQuestion } from './plan.ts'

/** A source of ADD: a path in the context, or what is to be fetched. */
export type CopySource = { readonly kind: 'path'; readonly path: string } | GitQuestion | HttpQuestion

/** Reads one source with its variables expanded.
 *  @param checksum ADD's `--checksum`, expanded; empty for none
 *  @throws {BuildError} `INSTRUCTION_INVALID`, `SOURCE_INVALID` */
export function readSource(
  instruction: CopyInstruction,
  word: PlacedText,
  source: string,
  checksum: string,
): CopySource {
  if (isGitSource(source)) {
    refuseInCopy(instruction, word, 'git ref')
    return { kind: 'git', git: placed(word, () => gitSourceOf(instruction, source, checksum)), source: word.range }
  }
  if (isHttpSource(source)) {
    refuseInCopy(instruction, word, 'URL')
    if (!URL.canParse(source)) throw invalid(word.range, `${JSON.stringify(redactCredentials(source))} is no URL`)
    return { kind: 'http', url: source, checksum: digestOf(instruction, checksum), source: word.range }
  }
  return { kind: 'path', path: source }
}

/** `--checksum` is for one source, and one that comes from elsewhere.
 *  @throws {BuildError} `INSTRUCTION_INVALID` */
export function checkChecksum(instruction: CopyInstruction, sources: readonly CopySource[], checksum: string): void {
  if (checksum === '') return
  const [only] = sources
  const isSingle = sources.length + instruction.documents.length === 1
  if (isSingle && only !== undefined && only.kind !== 'path') return
  const message = 'ADD --checksum requires HTTP(S) or Git sources, and just one of them'
  throw invalid((instruction.checksum ?? instruction).range, message)
}

/** What is fetched, as an input of the step, and where in it the files are. */
export interface FetchedSource {
  readonly vertex: VertexId
  readonly path: string
}

/** `undefined`: what it is has to be asked first. */
export function fetchSource(context: StageContext, question: GitQuestion | HttpQuestion): FetchedSource | undefined {
  return question.kind === 'git' ? fetchGit(context, question) : fetchHttp(context, question)
}

function fetchGit({ ask, graph }: StageContext, question: GitQuestion): FetchedSource | undefined {
  const answer = ask(question)
  if (answer === undefined) return undefined
  const { git, source } = question
  const { submodules, mtime = 'checkout' } = git
  const { commit, name } = answer
  const gitDirectory = git.keepGitDirectory === true ? { origin: redactCredentials(git.repository), name } : undefined
  const op = { type: 'git', commit, submodules, mtime, gitDirectory, unkeyed: { source: git } } as const
  const vertex = graph.add(op, [], { name: git.shown, source })
  return { vertex, path: `/${git.subdirectory}` }
}

function fetchHttp({ ask, graph }: StageContext, question: HttpQuestion): FetchedSource | undefined {
  const answer = ask(question)
  if (answer === undefined) return undefined
  const { digest, mtimeSeconds } = answer
  const fileName = fileNameOf(question)
  const vertex = graph.add({ type: 'http', digest, fileName, unkeyed: { mtimeSeconds } }, [], {
    name: redactCredentials(question.url),
    source: question.source,
  })
  return { vertex, path: `/${fileName}` }
}

/** @throws {BuildError} `INSTRUCTION_INVALID` for a name that no file can have */
function fileNameOf({ url, source }: HttpQuestion): string {
  const name = findUrlFileName(url)
  if (name !== undefined) return name
  throw invalid(source, 'The last part of the URL is no name that a file can have')
}

function gitSourceOf(instruction: CopyInstruction, source: string, checksum: string): GitSource {
  const git = parseGitSource(source)
  const { keepGitDirectory } = instruction
  if (
    keepGitDirectory !== undefined &&
    git.keepGitDirectory !== undefined &&
    keepGitDirectory !== git.keepGitDirectory
  ) {
    throw invalid(instruction.range, 'ADD --keep-git-dir and keep-git-dir of the address contradict each other')
  }
  const kept = { ...git, keepGitDirectory: keepGitDirectory ?? git.keepGitDirectory ?? false }
  if (checksum === '') return kept
  checkCommit(checksum, git.shown)
  const commit = checksum.toLowerCase()
  const isSame = git.commit === undefined || git.commit.startsWith(commit) || commit.startsWith(git.commit)
  if (isSame)
    return { ...kept, commit: git.commit !== undefined && git.commit.length > commit.length ? git.commit : commit }
  throw invalid(
    (instruction.checksum ?? instruction).range,
    `ADD --checksum says ${checksum}, and the address ${git.commit}`,
  )
}

function digestOf({ checksum: flag, range }: CopyInstruction, checksum: string) {
  if (checksum === '') return undefined
  if (isDigest(checksum)) return checksum
  throw invalid(
    (flag ?? { range }).range,
    `ADD --checksum of a URL must be a digest, not ${JSON.stringify(checksum)}`,
    'A digest is "sha256:" followed by 64 lowercase hex digits.',
  )
}

function refuseInCopy({ kind }: CopyInstruction, word: PlacedText, what: string): void {
  if (kind === 'copy') throw invalid(word.range, `Source can't be a ${what} for COPY`, 'ADD takes remote sources.')
}

function placed<T>(word: PlacedText, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof BuildError ? error.at(word.range) : error
  }
}
