import { spawn } from 'node:child_process'
import { BuildError } from '../../core/errors.ts'

export interface GitOptions {
  /** Absolute: where git works. */
  readonly cwd: string
  /** Settings of git, over none at all. */
  readonly config?: Readonly<Record<string, string>> | undefined
  /** The caller's environment. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** How ssh is started. */
  readonly sshCommand?: string | undefined
  /** How git may reach other repositories. */
  readonly protocols: 'network' | 'file' | 'none'
  readonly signal: AbortSignal
  /** What git writes to its standard error, as it comes. */
  readonly onComplaint?: ((text: string) => void) | undefined
  /** How long git may be silent when it talks to others; by default three minutes. */
  readonly idleMs?: number | undefined
}

/** git ended with a failure. */
export class GitFailure extends Error {
  /** The end of what it wrote to its standard error, for people: without control characters. */
  readonly complaint: string

  constructor(complaint: string) {
    super(`git failed: ${complaint}`)
    this.complaint = complaint
  }
}

const longestComplaint = 4096
const idleMs = 180_000
const longestOutputBytes = 16 * 1024 * 1024

/** Nothing of the user's own setup counts, since it may run programs, and neither does anything that a repository says about hooks and filters. Submodules name
 *  addresses, which are a stranger's: only what goes over the network is followed. */
const hardened: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.logAllRefUpdates': 'false',
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'credential.helper': '',
  'protocol.allow': 'never',
  'advice.detachedHead': 'false',
  'init.defaultBranch': 'main',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'http.lowSpeedLimit': '1',
  'http.lowSpeedTime': '60',
  'safe.directory': '*',
  'submodule.recurse': 'false',
}

/** What of the caller's environment git gets. libcurl reads names of proxies in lower case. */
const passedOn = [
  'PATH',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'TMPDIR',
]

const protocols: Readonly<Record<GitOptions['protocols'], string>> = {
  network: 'git:http:https:ssh',
  file: 'file',
  none: 'none',
}

/** Checked-out files get the modes that git knows, whatever the caller's mask. When the process that started this is gone, the pipe that it holds says so, and git
 *  goes with all that it has started, even where a server keeps it waiting. */
const watchedGit = `umask 022
git "$@" 3<&- & git=$!
{ read -r _; kill -KILL 0; } <&3 >/dev/null 2>&1 & watch=$!
wait "$git"; status=$?
kill "$watch"; exit "$status"`

/** Runs `git` by itself: without the user's configuration, without hooks, without questions.
 *  @param args never text from outside in the place of an option
 *  @returns what git printed
 *  @throws {GitFailure}
 *  @throws {BuildError} `GIT_UNAVAILABLE`; `signal.reason`, when git and what it started are gone */
export async function runGit(args: readonly string[], options: GitOptions): Promise<string> {
  const { signal } = options
  signal.throwIfAborted()
  // A group of its own, so that its helpers end with it.
  const child = spawn('/bin/sh', ['-c', watchedGit, 'git', ...args], {
    cwd: options.cwd,
    env: environmentOf(options),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The group has ended by itself.
    }
  }
  signal.addEventListener('abort', kill)
  let output = ''
  let complaint = ''
  const giveUp = (why: string): void => {
    complaint = `${complaint}\n${why}`
    kill()
  }
  const silentMs = options.idleMs ?? idleMs
  const watchdog = setTimeout(() => {
    if (options.protocols === 'network') giveUp(`nothing was heard for ${silentMs / 1000} seconds`)
  }, silentMs)
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    watchdog.refresh()
    output += text
    if (output.length > longestOutputBytes) giveUp('the answer is larger than any should be')
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    watchdog.refresh()
    complaint = (complaint + text).slice(-longestComplaint)
    options.onComplaint?.(text)
  })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    signal.throwIfAborted()
    if (code === 127) throw notInstalled()
    if (code !== 0) throw new GitFailure(readable(complaint))
    return output
  } finally {
    clearTimeout(watchdog)
    signal.removeEventListener('abort', kill)
  }
}

function notInstalled(): BuildError {
  return new BuildError('GIT_UNAVAILABLE', 'Cannot use a git repository: the program "git" is not installed', {
    hint: 'Install git, for instance with "apt-get install git".',
  })
}

/** Settings go through the environment, where other users cannot read them: some are secret. */
function environmentOf({ config, env, sshCommand, protocols: allowed }: GitOptions): NodeJS.ProcessEnv {
  const settings = Object.entries({ ...hardened, ...config })
  const passed = passedOn.flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(passed),
    GIT_SSH_COMMAND: sshCommand ?? 'false',
    GIT_SSH_VARIANT: 'ssh',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_ALLOW_PROTOCOL: protocols[allowed],
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([name, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, name],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}

/** What git says whenever something else, which it says before, is wrong; and what is said for the sake of company. */
const empty =
  /^(?:hint:|warning:|Cloning into|remote: (?:Counting|Compressing|Enumerating)|Please make sure|and the repository exists|fatal: Could not read from remote repository)/

/** The last lines that say something, cut to what a terminal can take: a server may have made them up. */
function readable(complaint: string): string {
  const lines = complaint
    .split(/[\r\n]+/)
    .map((line) => line.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim())
    .filter((line) => line !== '')
  const telling = lines.filter((line) => !empty.test(line))
  return (telling.length === 0 ? lines : telling).slice(-3).join('; ').slice(0, 500)
}
