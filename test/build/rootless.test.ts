import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { lingering } from '../support/leftovers.ts'
import { OrdinaryUser } from '../support/ordinary-user.ts'
import { layerNames } from '../support/project.ts'
import { build, finished, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

/** Files of several owners, made by steps and by COPY. */
const manyOwners = `FROM base AS build
RUN mkdir /out && echo built > /out/f && chown app:app /out/f && chmod 4755 /out/f && mkfifo /out/pipe && ln /out/f /out/hard
FROM base
COPY --from=build /out /out
COPY --chown=1234:app f /copied
USER app
RUN id > /tmp/id && echo mine > /tmp/mine
USER root
RUN rm /etc/motd && rm -r /usr/lib && mkdir /usr/lib && touch /usr/lib/new && chown 65000:65000 /usr/lib/new
`
const oneOwner = `FROM base AS build
RUN mkdir /out && echo built > /out/f && chmod 4755 /out/f
FROM base
COPY --from=build /out /out
COPY f /copied
RUN id -u > /tmp/id && rm /etc/motd && rm -r /usr/lib && mkdir /usr/lib && touch /usr/lib/new
`

describe.skipIf(process.getuid?.() !== 0)('for an ordinary user', () => {
  const folder = openTemporaryFolder()
  const references = new Map<string, readonly string[]>()
  let base: string
  let outputs = 0

  beforeAll(async () => {
    chmodSync(folder.path, 0o755)
    base = makeBaseLayout(folder.path)
    execFileSync('chmod', ['-R', 'a+rX', base])
    for (const dockerfile of [manyOwners, oneOwner]) references.set(dockerfile, await buildAsRoot(dockerfile))
  })
  afterAll(() => folder[Symbol.dispose]())

  function context(dockerfile: string): string {
    return writeFiles(join(folder.path, `context-${++outputs}`), { Dockerfile: dockerfile, f: 'copied' })
  }

  function args(...more: readonly string[]): readonly string[] {
    return ['build', '--progress=plain', '--build-context', `base=oci-layout://${base}:base`, ...more]
  }

  async function buildAsRoot(dockerfile: string): Promise<readonly string[]> {
    const layout = join(folder.path, `layout-${++outputs}`)
    const output = `type=oci,dest=${layout},tar=false,name=test:latest`
    const [, ...options] = args('-o', output, context(dockerfile))
    await build(options, { store: join(folder.path, 'store') })
    return describeTree(unpackWithUmoci(layout, 'latest', join(folder.path, `unpacked-${outputs}`)))
  }

  /** Builds as the user; the tree is looked at as root, who sees all of it. */
  async function treeOf(user: OrdinaryUser, dockerfile: string, isolation: string): Promise<readonly string[]> {
    const layout = user.path(`layout-${++outputs}`)
    const output = `type=oci,dest=${layout},tar=false,name=test:latest`
    const { code, stderr } = await user.stave(
      args('--isolation', isolation, '--no-cache', '-o', output, context(dockerfile)),
    )
    if (code !== 0) throw new Error(`the build ended with status ${code}:\n${stderr}`)
    return describeTree(unpackWithUmoci(layout, 'latest', join(folder.path, `unpacked-${outputs}`)))
  }

  describe('who has subordinate ids', () => {
    let user: OrdinaryUser
    beforeAll(() => (user = new OrdinaryUser(folder.path, { hasSubordinateIds: true })))

    test.each(['auto', 'native', 'chroot'])(
      'isolation %s gives the image that root gets, owners included',
      async (isolation) => {
        expect(await treeOf(user, manyOwners, isolation)).toEqual(references.get(manyOwners))
      },
    )

    test('isolation oci gives that image too, or says why its runtime cannot', async () => {
      const { code, stderr } = await user.stave(args('--isolation', 'oci', context(manyOwners)))
      if (code !== 0) expect(stderr).toMatch(/SANDBOX_(FAILED|UNAVAILABLE).*: \S+/)
      expect(stderr).not.toContain('bug in stave')
    })

    test('a step that fails leaves nothing behind, whoever its files belong to', async () => {
      const failing = 'FROM base\nRUN mkdir -p /d/e && chown -R app /d && chmod 0 /d/e && exit 3\n'
      const { code, stderr } = await user.stave(args('--isolation', 'native', context(failing)))
      expect({ code, bug: stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
      expect(readdirSync(user.path('store/v1/tmp'))).toEqual([])
    })

    test('what a killed build leaves is removed by the next one', async () => {
      const sleeping = 'FROM base\nRUN mkdir -p /d/e && chown -R app /d && chmod 0 /d/e && echo began && sleep 543219\n'
      const child = user.start(args('--isolation', 'native', context(sleeping)))
      const ended = finished(child)
      const began = new Promise<undefined>((resolve) => {
        child.stderr?.on('data', (text: string) => {
          if (text.includes(' began\n')) resolve(undefined)
        })
      })
      expect((await Promise.race([began, ended]))?.stderr).toBeUndefined()
      child.kill('SIGKILL')
      await ended
      expect(await lingering('543219')).toEqual([])
      expect(readdirSync(user.path('store/v1/tmp'))).not.toEqual([])
      await treeOf(user, oneOwner, 'native')
      expect(readdirSync(user.path('store/v1/tmp'))).toEqual([])
    })

    test('a file of the context, or an image, that the user may not read is an error that names it', async () => {
      const place = context('FROM base\nCOPY . /app\n')
      chmodSync(join(place, 'f'), 0o600)
      const copying = await user.stave(args(place))
      expect({ code: copying.code, bug: copying.stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
      expect(copying.stderr).toMatch(/denied.*f/)
      const locked = join(folder.path, 'locked')
      cpSync(base, locked, { recursive: true })
      chmodSync(join(locked, 'index.json'), 0o600)
      const from = await user.stave(['build', '--build-context', `base=oci-layout://${locked}:base`, context(oneOwner)])
      expect({ code: from.code, bug: from.stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
      expect(from.stderr).toMatch(/denied.*index\.json/)
    })

    test("files that are exported are the user's own in a folder, and keep their owners in an archive", async () => {
      const outputs = ['-o', `type=local,dest=${user.path('files')}`, '-o', `type=tar,dest=${user.path('files.tar')}`]
      const { code, stderr } = await user.stave(args('--isolation', 'native', ...outputs, context(manyOwners)))
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
      const owners = execFileSync('find', [user.path('files'), '-printf', '%U:%G\n'], { encoding: 'utf8' })
      expect(new Set(owners.trim().split('\n'))).toEqual(new Set([`${user.uid}:${user.uid}`]))
      const listing = execFileSync('tar', ['-tvf', user.path('files.tar'), '--numeric-owner'], { encoding: 'utf8' })
      expect(listing).toMatch(/^-rw-r--r-- 1234\/1001 .* copied$/m)
      expect(listing).toMatch(/^-rwsr-xr-x 1000\/1001 .* out\/f$/m)
    })
  })

  describe('who has no subordinate ids', () => {
    let user: OrdinaryUser
    beforeAll(() => (user = new OrdinaryUser(folder.path, { hasSubordinateIds: false })))

    test.each(['auto', 'native', 'chroot'])(
      "isolation %s gives the image that root gets when all of its files are root's",
      async (isolation) => {
        expect(await treeOf(user, oneOwner, isolation)).toEqual(references.get(oneOwner))
      },
    )

    test("a file of somebody else's can be packed, since nobody has to own it here for that", async () => {
      const layout = user.path('packed')
      const { code, stderr } = await user.stave(
        args('-o', `type=oci,dest=${layout},tar=false,name=a:latest`, context('FROM base\nCOPY --chown=app f /f\n')),
      )
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const last = layerNames(layout).at(-1)
      expect(last).toEqual(['f'])
    })

    test("a step that sees a file of somebody else's is an error that says what is missing, not a file of the wrong owner", async () => {
      const { code, stderr } = await user.stave(args(context('FROM base\nCOPY --chown=app f /f\nRUN cat /f\n')))
      expect({ code, bug: stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
      expect(stderr).toMatch(/UNSUPPORTED: .*1000:1001/)
      expect(stderr).toContain('/etc/subuid')
    })

    test('a machine that allows no user namespaces gives an error that says so', async () => {
      const programs = user.path('programs')
      mkdirSync(programs)
      writeFileSync(
        join(programs, 'unshare'),
        '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n',
        { mode: 0o755 },
      )
      const env = { PATH: `${programs}:${process.env['PATH'] ?? ''}` }
      const { code, stderr } = await user.stave(args('--root', user.path('other'), context(oneOwner)), env)
      expect({ code, bug: stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
      expect(stderr).toMatch(/UNSUPPORTED|SANDBOX_UNAVAILABLE/)
    })
  })
})
