import { readFileSync } from 'node:fs'
import { BuildError } from '../../core/errors.ts'
import type { Owner } from '../../core/ops.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import type { TreeReader } from '../tree/tree-reader.ts'

/** Larger account files are taken to be an attack: the ones of real systems have kilobytes. */
const maximumBytes = 8 * 1024 * 1024
/** The highest id that is not the kernel's "unchanged": chown(2). */
const maximumId = 0xffff_fffe

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

export interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/** The users and groups that a tree knows: passwd(5), group(5). Lines that are not well-formed are skipped, as libc does. */
export class Accounts {
  readonly #users: readonly User[]
  readonly #groups: readonly Group[]

  constructor(tree: TreeReader) {
    this.#users = linesOf(tree, 'etc/passwd').flatMap(parseUser)
    this.#groups = linesOf(tree, 'etc/group').flatMap(parseGroup)
  }

  /** Numeric ids need not be known.
   *  @throws {BuildError} `OWNER_UNKNOWN` */
  resolveOwner(owner: Owner): { readonly uid: number; readonly gid: number } {
    const user = this.findUser(owner.user)
    const uid = user?.uid ?? parseId(owner.user)
    if (uid === undefined) throw this.#unknown('user', owner.user)
    if (owner.group === undefined) return { uid, gid: isNumeric(owner.user) ? uid : (user?.gid ?? uid) }
    if (owner.group === '') return { uid, gid: user?.gid ?? uid } // "u:": the user's own group, as chown(1) has it, where BuildKit takes root's
    const gid = this.findGroup(owner.group)?.gid ?? parseId(owner.group)
    if (gid === undefined) throw this.#unknown('group', owner.group)
    return { uid, gid }
  }

  /** By name; a number finds the first user who has it. */
  findUser(nameOrId: string): User | undefined {
    const byName = this.#users.find(({ name }) => name === nameOrId)
    if (byName !== undefined || !isNumeric(nameOrId)) return byName
    return this.#users.find(({ uid }) => uid === Number(nameOrId))
  }

  findGroup(nameOrId: string): Group | undefined {
    const byName = this.#groups.find(({ name }) => name === nameOrId)
    if (byName !== undefined || !isNumeric(nameOrId)) return byName
    return this.#groups.find(({ gid }) => gid === Number(nameOrId))
  }

  /** The groups that list the user as a member. */
  groupsOf(userName: string): readonly number[] {
    return this.#groups.filter(({ members }) => members.includes(userName)).map(({ gid }) => gid)
  }

  /** @throws {BuildError} `RUN_USER_UNKNOWN` */
  resolveProcessUser(text: string): ProcessUser {
    const [userText = '', groupText] = text.split(':')
    const user = this.findUser(userText === '' ? '0' : userText)
    const uid = user?.uid ?? (userText === '' ? 0 : parseId(userText))
    if (uid === undefined) throw this.#unknown('user', userText, 'RUN_USER_UNKNOWN')
    const home = user?.home === undefined || user.home === '' ? '/' : user.home
    if (groupText === undefined || groupText === '') {
      const gid = user?.gid ?? 0
      const groups = user === undefined ? [] : this.groupsOf(user.name)
      return { uid, gid, groups: [...new Set([gid, ...groups])], home }
    }
    const gid = this.findGroup(groupText)?.gid ?? parseId(groupText)
    if (gid === undefined) throw this.#unknown('group', groupText, 'RUN_USER_UNKNOWN')
    return { uid, gid, groups: [gid], home }
  }

  #unknown(
    kind: 'user' | 'group',
    name: string,
    code: 'OWNER_UNKNOWN' | 'RUN_USER_UNKNOWN' = 'OWNER_UNKNOWN',
  ): BuildError {
    const names = (kind === 'user' ? this.#users : this.#groups).map((account) => account.name)
    const file = kind === 'user' ? '/etc/passwd' : '/etc/group'
    const hint =
      names.length === 0
        ? `The image has no ${file}: use a numeric ${kind} id.`
        : `${file} of the image knows ${listSome(names)}. A numeric id works without an entry.`
    return new BuildError(code, `Cannot find the ${kind} ${JSON.stringify(name)} in the image's ${file}`, { hint })
  }
}

export interface ProcessUser {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly home: string
}

function listSome(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ')
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown
}

function isNumeric(text: string): boolean {
  return /^\d+$/.test(text)
}

function parseId(text: string): number | undefined {
  return isNumeric(text) && Number(text) <= maximumId ? Number(text) : undefined
}

function linesOf(tree: TreeReader, path: string): readonly string[] {
  const { path: real, entry } = resolvePath(tree, path)
  if (entry?.type !== 'file' || entry.sizeBytes > maximumBytes) return []
  return readFileSync(tree.hostPath(real), 'utf8').split('\n')
}

function parseUser(line: string): readonly User[] {
  const [name = '', , uid = '', gid = '', , home = ''] = line.split(':')
  const ids = [parseId(uid), parseId(gid)] as const
  if (name === '' || ids[0] === undefined || ids[1] === undefined) return []
  return [{ name, uid: ids[0], gid: ids[1], home }]
}

function parseGroup(line: string): readonly Group[] {
  const [name = '', , gidText = '', members = ''] = line.split(':')
  const gid = parseId(gidText)
  if (name === '' || gid === undefined) return []
  return [{ name, gid, members: members.split(',').filter((member) => member !== '') }]
}
