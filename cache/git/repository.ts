import { BuildError, type ErrorCode } from '../../core/errors.ts'
import { diskFullHint } from '../disk/disk-full.ts'
import { systemClock, PassingFailure, retrying } from '../http/index.ts'
import { GitFailure, runGit } from './git-program.ts'

/** A repository elsewhere, and how it is reached. */
export interface Repository {
  /** Without credentials. */
  readonly address: string
  /** Settings of git, such as headers for HTTP. */
  readonly config: Readonly<Record<string, string>>
  readonly sshCommand: string
  /** The caller's environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Runs a git command that talks to the repository; again, where its failure may pass.
 *  @throws {BuildError} `SOURCE_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_FAILED`, `GIT_UNAVAILABLE`; `signal.reason` */
export async function askRepository(
  repository: Repository,
  args: readonly string[],
  options: { readonly cwd: string; readonly signal: AbortSignal; readonly onComplaint?: (text: string) => void },
): Promise<string> {
  const attempt = async (): Promise<string> => {
    try {
      return await runGit(args, { ...repository, ...options, protocols: 'network' })
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      const failure = explained(repository.address, error)
      throw isPassing(error.complaint) ? new PassingFailure(failure) : failure
    }
  }
  return retrying(attempt, systemClock, options.signal)
}

/** Runs a git command that talks to nobody, but to a repository on this disk where `protocols` says so.
 *  @throws {BuildError} `SOURCE_FAILED`, as for content that git refuses to write; `DISK_FULL`, `GIT_UNAVAILABLE`; `signal.reason` */
export async function runLocally(
  repository: Repository,
  args: readonly string[],
  options: { readonly cwd: string; readonly signal: AbortSignal; readonly protocols?: 'file' | 'none' },
): Promise<string> {
  try {
    return await runGit(args, { ...repository, protocols: 'none', ...options })
  } catch (error) {
    throw error instanceof GitFailure ? explained(repository.address, error) : error
  }
}

interface Meaning {
  readonly pattern: RegExp
  readonly code: ErrorCode
  readonly hint: string
}

const meanings: readonly Meaning[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    code: 'DISK_FULL',
    hint: diskFullHint,
  },
  {
    pattern: /certificate/i,
    code: 'SOURCE_UNREACHABLE',
    hint: 'Name the file of the authority that has signed it in GIT_SSL_CAINFO.',
  },
  {
    pattern: /returned error: 30[1278]|unable to update url base from redirection/i,
    code: 'SOURCE_FAILED',
    hint: 'The repository has moved. With credentials, redirects are not followed: give the new address.',
  },
  {
    pattern:
      /authentication failed|could not read (?:username|password)|permission denied|\b40[13]\b|host key verification/i,
    code: 'SOURCE_DENIED',
    hint: 'Give credentials as the secret GIT_AUTH_TOKEN or GIT_AUTH_HEADER, or, for ssh, an agent with --ssh.',
  },
  {
    pattern:
      /not found|does not exist|does not appear to be a git repository|\b404\b|access denied or repository not exported/i,
    code: 'SOURCE_NOT_FOUND',
    hint: 'Check the address. Servers hide what a stranger may not see.',
  },
  {
    pattern:
      /resolve host|unable to (?:connect|look up)|connection (?:refused|reset|timed out)|failed to connect|timed? ?out|no route|nothing was heard/i,
    code: 'SOURCE_UNREACHABLE',
    hint: 'Check the address, the network and the proxy settings.',
  },
]

function explained(address: string, { complaint }: GitFailure): BuildError {
  const meaning = meanings.find(({ pattern }) => pattern.test(complaint))
  return new BuildError(
    meaning?.code ?? 'SOURCE_FAILED',
    `Cannot use ${address}: git says ${JSON.stringify(complaint)}`,
    {
      hint: meaning?.hint,
    },
  )
}

function isPassing(complaint: string): boolean {
  return /\b(?:429|50[0234])\b|timed? ?out|connection reset|early EOF|RPC failed|unexpected disconnect/i.test(complaint)
}
