import { BuildError } from './errors.ts'
import { rootedPath } from './patterns/clean-path.ts'
import { redactCredentials } from './url-credentials.ts'

/** What a git address asks for: of which repository, which commit, and what of it. */
export interface GitSource {
  /** What git is to be given. May hold credentials: for messages there is `shown`. */
  readonly repository: string
  /** A branch, a tag, the full name of a reference, or a commit. `undefined`: what the repository's HEAD is. */
  readonly reference: string | undefined
  /** Hexadecimal digits, lower case, that the commit must begin with. */
  readonly commit: string | undefined
  /** Clean, without a leading `/`; empty for all of it. */
  readonly subdirectory: string
  /** `undefined`: the address does not say. */
  readonly keepGitDirectory: boolean | undefined
  readonly submodules: boolean
  /** The time that files get: that of the checkout, or that of the commit. `undefined`: the address does not say. */
  readonly mtime: 'checkout' | 'commit' | undefined
  /** The address without credentials. */
  readonly shown: string
}

const scpAddress = /^[a-zA-Z0-9_.][a-zA-Z0-9_.-]*@[a-zA-Z0-9_[][a-zA-Z0-9_.:[\]-]*?:(?!\/\/).+/

const shortHost = 'github.com/'

/** Whether an address is that of a git repository: by its scheme, as `user@host:path`, or by `.git` at the end of its path.
 *  @see https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository */
export function isGitSource(text: string): boolean {
  if (/^(?:git|ssh):\/\//i.test(text)) return true
  if (/^https?:\/\/[^?#]+\.git(?:[?#].*)?$/i.test(text)) return true
  return scpAddress.test(text)
}

/** As `isGitSource()`, for contexts: there, docker's short form for a repository on GitHub counts too. */
export function isGitContext(text: string): boolean {
  return text.startsWith(shortHost) || isGitSource(text)
}

/** An address of the web that is none of git's. */
export function isHttpSource(text: string): boolean {
  return /^https?:\/\//i.test(text) && !isGitSource(text)
}

/** Reads `…/repository.git#reference:subdirectory`, or `…/repository.git?branch=…&subdir=…`; `github.com/…` is reached by HTTPS.
 *  @throws {BuildError} `SOURCE_INVALID` */
export function parseGitSource(text: string): GitSource {
  const shown = redactCredentials(text)
  const { address, query, fragment } = splitAddress(text.startsWith(shortHost) ? `https://${text}` : text)
  checkAddress(address, shown)
  const colon = fragment.indexOf(':')
  const source = new Reading(shown)
  source.set('reference', colon < 0 ? fragment : fragment.slice(0, colon), '#')
  source.set('subdirectory', colon < 0 ? '' : fragment.slice(colon + 1), '#')
  source.readQuery(query)
  const reference = source.get('reference')
  const commit = source.get('commit')?.toLowerCase()
  if (commit !== undefined) checkCommit(commit, shown)
  if (reference !== undefined) checkReference(reference, shown)
  const byCommit = source.flag('fetch-by-commit') === true
  if (byCommit && (commit === undefined || !isFullCommit(commit))) {
    throw invalid(shown, '"fetch-by-commit" needs a commit in full')
  }
  return {
    repository: address,
    reference:
      (byCommit ? undefined : reference) ?? (commit !== undefined && isFullCommit(commit) ? commit : undefined),
    commit: commit ?? (reference !== undefined && isFullCommit(reference) ? reference.toLowerCase() : undefined),
    subdirectory: rootedPath(source.get('subdirectory') ?? '').slice(1),
    keepGitDirectory: source.flag('keep-git-dir'),
    submodules: source.flag('submodules') ?? true,
    mtime: source.mtime(),
    shown,
  }
}

/** 40 digits of SHA-1, or 64 of SHA-256. */
export function isFullCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text)
}

/** @throws {BuildError} `SOURCE_INVALID` for what cannot be the beginning of a commit */
export function checkCommit(text: string, shown: string): void {
  if (/^[0-9a-f]{7,64}$/i.test(text)) return
  throw invalid(
    shown,
    `${JSON.stringify(text)} is no commit`,
    'A commit is given by 7 to 64 of its hexadecimal digits.',
  )
}

function splitAddress(text: string) {
  const hash = text.indexOf('#')
  const head = hash < 0 ? text : text.slice(0, hash)
  const fragment = hash < 0 ? '' : text.slice(hash + 1)
  const mark = head.indexOf('?')
  return {
    address: mark < 0 ? head : head.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : head.slice(mark + 1)),
    fragment,
  }
}

/** git takes what begins with `-` for an option of its own, and ssh a host that does. */
function checkAddress(address: string, shown: string): void {
  if (/[\u0000-\u0020\u007f]/.test(address)) throw invalid(shown, 'it holds white space or control characters')
  if (!address.includes('://')) return // the pattern of `user@host:path` has looked at it
  if (!URL.canParse(address)) throw invalid(shown, 'it is no URL')
  const { hostname, password, protocol } = new URL(address)
  if (password !== '' && !/^https?:$/.test(protocol)) {
    throw invalid(shown, `a password is of no use to ${protocol}//`, 'Give keys with --ssh.')
  }
  if (hostname === '' || hostname.startsWith('-')) throw invalid(shown, 'it names no host')
}

/** @see https://git-scm.com/docs/git-check-ref-format */
function checkReference(reference: string, shown: string): void {
  const isStrange = /^[-/.]|[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|[/.]$|\.lock$/.test(reference)
  if (isStrange) throw invalid(shown, `${JSON.stringify(reference)} is no name of a branch, a tag or a commit`)
}

type Field = 'reference' | 'commit' | 'subdirectory' | 'mtime' | 'keep-git-dir' | 'submodules' | 'fetch-by-commit'

const fieldsOfQuery: Readonly<Record<string, Field>> = {
  ref: 'reference',
  tag: 'reference',
  branch: 'reference',
  commit: 'commit',
  checksum: 'commit',
  subdir: 'subdirectory',
  'keep-git-dir': 'keep-git-dir',
  submodules: 'submodules',
  mtime: 'mtime',
  'fetch-by-commit': 'fetch-by-commit',
}

const prefixes: Readonly<Record<string, string>> = { tag: 'refs/tags/', branch: 'refs/heads/' }

/** Gathers what the parts of an address say, and refuses parts that contradict each other. */
class Reading {
  readonly #shown: string
  readonly #values = new Map<Field, { readonly value: string; readonly by: string }>()

  constructor(shown: string) {
    this.#shown = shown
  }

  readQuery(query: URLSearchParams): void {
    const seen = new Set<string>()
    for (const [name, value] of query) {
      const field = Object.hasOwn(fieldsOfQuery, name) ? fieldsOfQuery[name] : undefined
      if (field === undefined) {
        const known = Object.keys(fieldsOfQuery).join(', ')
        throw invalid(this.#shown, `it does not know ${JSON.stringify(name)}`, `A git address takes ${known}.`)
      }
      if (seen.has(name)) throw invalid(this.#shown, `"${name}" is given twice`)
      seen.add(name)
      const prefix = prefixes[name] ?? ''
      const isFlag = field === 'keep-git-dir' || field === 'submodules' || field === 'fetch-by-commit'
      if (value === '' && !isFlag) throw invalid(this.#shown, `"${name}" has no value`)
      this.set(field, value === '' ? 'true' : value.startsWith(prefix) ? value : `${prefix}${value}`, name)
    }
    for (const field of ['keep-git-dir', 'submodules', 'fetch-by-commit'] as const) this.flag(field)
    this.mtime()
  }

  set(field: Field, value: string, by: string): void {
    if (value === '') return
    const earlier = this.#values.get(field)
    if (earlier !== undefined && earlier.value !== value) {
      throw invalid(
        this.#shown,
        `"${earlier.by}" says ${JSON.stringify(earlier.value)}, and "${by}" ${JSON.stringify(value)}`,
      )
    }
    this.#values.set(field, { value, by })
  }

  get(field: Field): string | undefined {
    return this.#values.get(field)?.value
  }

  mtime(): GitSource['mtime'] {
    const mtime = this.get('mtime')
    if (mtime === undefined || mtime === 'checkout' || mtime === 'commit') return mtime
    throw invalid(this.#shown, `"mtime" is checkout or commit, not ${JSON.stringify(mtime)}`)
  }

  flag(field: Field): boolean | undefined {
    const value = this.get(field)?.toLowerCase()
    if (value === undefined) return undefined
    if (['1', 't', 'true'].includes(value)) return true
    if (['0', 'f', 'false'].includes(value)) return false
    throw invalid(this.#shown, `"${field}" is true or false, not ${JSON.stringify(value)}`)
  }
}

function invalid(shown: string, why: string, hint?: string): BuildError {
  return new BuildError('SOURCE_INVALID', `Cannot read the git address ${JSON.stringify(shown)}: ${why}`, { hint })
}
