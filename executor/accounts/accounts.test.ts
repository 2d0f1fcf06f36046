import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { Accounts } from './accounts.ts'

const passwd = `root:x:0:0:root:/root:/bin/sh
web:x:33:44:,,,:/srv/web:/bin/false
homeless:x:50:50:::
# a comment, and lines that are none
+::::::
broken
toofew:x:7
negative:x:-1:0::/:
huge:x:99999999999:0::/:
web:x:99:99:the second of its name:/other:
123:x:456:789:a name of digits:/n:
`
const group = `root:x:0:
www:x:44:
staff:x:50:web,other
extra:x:60:other,web
:x:70:web
`

function treeWith(files: Readonly<Record<string, string>>): { readonly root: string; readonly tree: LayeredTree } {
  const root = temporaryFolder()
  mkdirSync(join(root, 'etc'))
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, path), content)
  return { root, tree: new LayeredTree([root]) }
}

const accounts = (): Accounts => new Accounts(treeWith({ 'etc/passwd': passwd, 'etc/group': group }).tree)
const nobodyKnown = (): Accounts => new Accounts(treeWith({}).tree)

function owner(text: string, of = accounts()): string {
  const [user = '', groupName] = text.split(':')
  const { uid, gid } = of.resolveOwner({ user, group: groupName })
  return `${uid}:${gid}`
}

/** --chown, as BuildKit reads it. */
const owners: Readonly<Record<string, string>> = {
  web: '33:44', // the primary group
  'web:staff': '33:50',
  'web:1234': '33:1234',
  '33': '33:33', // a number alone is the group's too, though the user is known
  '5000': '5000:5000',
  '5000:6000': '5000:6000',
  '5000:www': '5000:44',
  'web:': '33:44', // BuildKit: group 0
  '5000:': '5000:5000',
  '0': '0:0',
  '4294967294': '4294967294:4294967294',
  '0033': '33:33',
}

for (const [text, expected] of Object.entries(owners)) {
  test(`the owner ${text} is ${expected}`, () => {
    expect(owner(text)).toBe(expected)
  })
}

for (const text of [
  'nobody',
  'web:nobody',
  'broken',
  'negative',
  'huge',
  '',
  '-1',
  '1.5',
  '0x10',
  '4294967295',
  ' 33',
]) {
  test(`the owner ${JSON.stringify(text)} is unknown`, () => {
    expect(() => owner(text)).toThrow(expect.objectContaining({ code: 'OWNER_UNKNOWN' }))
  })
}

test('numbers need no files', () => {
  expect(owner('12:34', nobodyKnown())).toBe('12:34')
})

test('where no file knows any name, the hint says so', () => {
  expect(() => owner('web', nobodyKnown())).toThrow(
    expect.objectContaining({ hint: 'The image has no /etc/passwd: use a numeric user id.' }),
  )
})

/** USER, as Docker reads it: uid, gid, all groups, home. */
const users: Readonly<Record<string, readonly [number, number, readonly number[], string]>> = {
  '': [0, 0, [0], '/root'],
  web: [33, 44, [44, 50, 60], '/srv/web'],
  '33': [33, 44, [44, 50, 60], '/srv/web'],
  'web:': [33, 44, [44, 50, 60], '/srv/web'],
  'web:staff': [33, 50, [50], '/srv/web'],
  'web:0': [33, 0, [0], '/srv/web'],
  '5000': [5000, 0, [0], '/'],
  '5000:6000': [5000, 6000, [6000], '/'],
  ':staff': [0, 50, [50], '/root'],
  homeless: [50, 50, [50], '/'],
  '123': [456, 789, [789], '/n'],
}

for (const [text, [uid, gid, groups, home]] of Object.entries(users)) {
  test(`USER ${JSON.stringify(text)} is ${uid}:${gid} with the groups ${groups.join()}`, () => {
    expect(accounts().resolveProcessUser(text)).toEqual({ uid, gid, groups, home })
  })
}

test('without a file, no user is root', () => {
  expect(nobodyKnown().resolveProcessUser('')).toEqual({ uid: 0, gid: 0, groups: [0], home: '/' })
})

for (const text of ['nobody', 'web:nobody', '4294967295']) {
  test(`USER ${text} is unknown`, () => {
    expect(() => accounts().resolveProcessUser(text)).toThrow(expect.objectContaining({ code: 'RUN_USER_UNKNOWN' }))
  })
}

test('of two users of one name the first counts', () => {
  expect(accounts().findUser('web')?.uid).toBe(33)
})

test('a file that is a link leads into the tree, not to the host', () => {
  const { root, tree } = treeWith({ mine: 'web:x:1:2::/:\n' })
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'group'), 'theirs:x:7:\n')
  symlinkSync('/mine', join(root, 'etc/passwd'))
  symlinkSync(join(outside, 'group'), join(root, 'etc/group'))
  const found = new Accounts(tree)
  expect([found.findUser('web')?.uid, found.findGroup('theirs')]).toEqual([1, undefined])
})

test('a link to itself is an error, not a hang', () => {
  const { root, tree } = treeWith({})
  symlinkSync('passwd', join(root, 'etc/passwd'))
  expect(() => new Accounts(tree)).toThrow(expect.objectContaining({ code: 'PATH_ESCAPES' }))
})

test('a pipe in the place of a file is not waited for', () => {
  const { root, tree } = treeWith({})
  execFileSync('mkfifo', [join(root, 'etc/passwd')])
  expect(new Accounts(tree).findUser('root')).toBeUndefined()
})

test('a file of an absurd size is not read', () => {
  const { root, tree } = treeWith({ 'etc/passwd': passwd })
  truncateSync(join(root, 'etc/passwd'), 1024 ** 4)
  expect(new Accounts(tree).findUser('root')).toBeUndefined()
})
