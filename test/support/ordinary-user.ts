import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished, repository, type Finished } from './stave.ts'

/** The command as an ordinary user runs it. The machine's own accounts stay as they are: /etc/subuid and /etc/subgid are covered by mounts that only the
 *  command sees. Only for root, who can become anybody. */
export class OrdinaryUser {
  readonly uid: number
  readonly #home: string
  readonly #prefix: readonly string[]

  /** @param folder an existing folder that everybody may enter */
  constructor(folder: string, options: { readonly hasSubordinateIds: boolean }) {
    this.uid = findUser()
    this.#home = join(folder, options.hasSubordinateIds ? 'with-ids' : 'without-ids')
    mkdirSync(this.#home)
    const ids = join(this.#home, 'subordinate-ids')
    writeFileSync(ids, options.hasSubordinateIds ? `${this.uid}:200000:65536\n` : '')
    this.#prefix = [
      ...['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c'],
      [
        'ids=$1 uid=$2; shift 2',
        'mount --bind "$ids" /etc/subuid && mount --bind "$ids" /etc/subgid',
        'exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i "$@"',
      ].join(' && '),
      ...['sh', ids, String(this.uid)],
    ]
    // Where the project lies, the user may not be able to look.
    copyProgram(join(this.#home, 'program'))
    execFileSync('chown', ['-R', `${this.uid}:${this.uid}`, this.#home])
  }

  /** Where the user may write. */
  path(name: string): string {
    return join(this.#home, name)
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const { PATH = '' } = process.env
    const own = { PATH, HOME: this.#home, STAVE_HOME: join(this.#home, 'store'), ...env }
    const words = Object.entries(own).map(([name, value]) => `${name}=${value}`)
    const program = [process.execPath, join(this.#home, 'program/dist/bin.cjs'), ...args]
    const [command = '', ...rest] = [...this.#prefix, ...words, ...program]
    return spawn(command, rest, { cwd: this.#home, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  stave(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return finished(this.start(args, env))
  }
}

function findUser(): number {
  const uids = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => Number(line.split(':')[2]))
  return uids.includes(1000) ? 1000 : 65534
}

function copyProgram(to: string): void {
  mkdirSync(join(to, 'node_modules'), { recursive: true })
  chmodSync(to, 0o755)
  cpSync(join(repository, 'dist'), join(to, 'dist'), { recursive: true })
  cpSync(join(repository, 'package.json'), join(to, 'package.json'))
  for (const name of ['koffi', '@koromix', 'undici']) {
    const path = join(repository, 'node_modules', name)
    if (existsSync(path)) cpSync(path, join(to, 'node_modules', name), { recursive: true })
  }
}
