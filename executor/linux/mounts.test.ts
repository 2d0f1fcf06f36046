import { chmodSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { giveTo } from '../../test/support/busybox-root.ts'
import { openNamespaces, type Namespaces } from '../../test/support/in-namespaces.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const ordinaryUser = 1000

function openFolder(owner: number): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  giveTo(folder, owner)
  return folder
}

describe.each([
  ['root', 0, false],
  ['rootless', ordinaryUser, true],
] as const)('as %s', (as, owner, userxattr) => {
  let namespaces: Namespaces | undefined
  beforeAll(async () => {
    namespaces = await openNamespaces('test/support/mount-scenarios.ts', { as })
  })
  afterAll(async () => namespaces?.[Symbol.asyncDispose]())
  const scenario = (name: string, ...args: readonly unknown[]) => namespaces?.call(name, [openFolder(owner), ...args])

  test.each([
    [2, 3, 'in one string'],
    [100, 64, 'one by one'],
    [400, 20, 'one by one'],
    [200, 250, 'by descriptors, since names are too long for anything else'],
  ])('mountOverlay() mounts %i layers with names of %i', async (layers, nameLength) => {
    expect(await scenario('overlay', layers, nameLength, userxattr)).toEqual({
      files: layers + 1,
      same: String(layers - 1),
      upper: ['same'],
      after: [],
    })
  })

  test('mountOverlay() without an upper is read-only', async () => {
    if (as === 'root') expect(await scenario('readOnlyOverlay')).toEqual({ files: ['a', 'b'], refusal: 'EROFS' })
  })

  test('an upper says by itself what is gone', async () => {
    expect(await scenario('replaceDirectory', userxattr)).toEqual({
      files: [],
      names: [userxattr ? 'user.overlay.opaque' : 'trusted.overlay.opaque'],
      whiteout: true,
    })
  })

  test('binds take attributes for all below, without changing the source', async () => {
    expect(await scenario('binds')).toEqual({
      refusals: ['EROFS', 'EROFS', 'none'],
      mode: 0o700,
      remounted: 'EROFS',
      gone: 'EINVAL',
    })
  })
})
