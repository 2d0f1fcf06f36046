import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync, chmodSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { armProgram } from '../support/arm-program.ts'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project, type ProjectOptions } from '../support/project.ts'
import { startRegistry } from '../support/registry.ts'
import { doneSteps, type Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

function project(dockerfile: string, files: Files = {}): Project {
  return new Project(base, { Dockerfile: dockerfile, ...files })
}

const both = ['--platform', 'linux/amd64,linux/arm64'] as const

const crossCompiled = `FROM --platform=$BUILDPLATFORM base AS build
RUN echo compiler > /compiler
ARG TARGETARCH
RUN echo "for $TARGETARCH with $(cat /compiler)" > /out
FROM scratch
ARG TARGETPLATFORM
LABEL platform=$TARGETPLATFORM
COPY --from=build /out /app
`

interface Entry {
  readonly digest: string
  readonly mediaType: string
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string }
  readonly annotations?: Readonly<Record<string, string>>
}

interface Index {
  readonly mediaType: string
  readonly manifests: readonly Entry[]
  readonly annotations?: Readonly<Record<string, string>>
}

function skopeo(...args: readonly string[]): unknown {
  return JSON.parse(execFileSync('skopeo', args, { encoding: 'utf8' }))
}

function blobOf(layout: string, digest: string): unknown {
  return JSON.parse(readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'))
}

function appOf(layout: string, architecture: string): string {
  const copy = join(layout, `../copy-${architecture}`)
  execFileSync('skopeo', ['copy', '-q', '--override-arch', architecture, `oci:${layout}:latest`, `dir:${copy}`])
  const { layers } = JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8')) as {
    readonly layers: readonly { readonly digest: string }[]
  }
  return execFileSync('tar', ['-xOzf', join(copy, layers[0]?.digest.replace('sha256:', '') ?? ''), 'app'], {
    encoding: 'utf8',
  })
}

describe('an image for several platforms', () => {
  test('is an index of one image for each, in the order asked for', async () => {
    const layout = await project(crossCompiled).buildLayout(...both)
    const index = skopeo('inspect', '--raw', `oci:${layout}:latest`) as Index
    expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json')
    expect(index.manifests.map(({ platform }) => platform)).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ])
    expect(appOf(layout, 'amd64')).toBe('for amd64 with compiler\n')
    expect(appOf(layout, 'arm64')).toBe('for arm64 with compiler\n')
    const config = skopeo('inspect', '--config', '--override-arch', 'arm64', `oci:${layout}:latest`)
    expect(config).toMatchObject({ architecture: 'arm64', config: { Labels: { platform: 'linux/arm64' } } })
  })

  test('shares the steps that are the same for all, and names the platform of the others', async () => {
    const { stderr } = await project(crossCompiled).try(...both)
    const steps = doneSteps(stderr)
    expect(steps.filter((name) => name.endsWith('> /compiler'))).toHaveLength(1)
    for (const name of ['amd64', 'arm64']) expect(steps.filter((step) => step.includes(`for ${name}`))).toHaveLength(1)
    expect(steps.some((name) => name.startsWith('[linux/arm64 stage-1 1/1] COPY'))).toBe(true)
  })

  test('is found in the cache platform by platform', async () => {
    const at = project(crossCompiled)
    const digest = await at.build(...both)
    await at.build('--platform', 'linux/arm64')
    const { stderr, stdout } = await at.try(...both)
    expect(doneSteps(stderr)).toEqual([])
    expect(stdout.trim()).toBe(digest)
  })

  test('is pushed whole, and pulled by platform', async () => {
    await using registry = await startRegistry()
    const name = `${registry.host}/app:1`
    const digest = await project(crossCompiled).build(...both, '-t', name, '--push')
    const index = skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`) as Index
    expect(index.manifests).toHaveLength(2)
    expect(skopeo('inspect', '--tls-verify=false', '--override-arch', 'arm64', `docker://${name}`)).toMatchObject({
      Architecture: 'arm64',
    })
    expect(digest).toMatch(/^sha256:/)
    const from = await project(`FROM ${name}\nCOPY Dockerfile /d\n`).buildConfig('--platform', 'linux/arm64')
    expect(from).toMatchObject({ architecture: 'arm64', config: { Labels: { platform: 'linux/arm64' } } })
  })

  test('stands under its name in the store, for FROM to choose from', async () => {
    const at = project(crossCompiled)
    await at.build(...both, '-t', 'multi')
    const file = join(at.context, 'Second')
    writeFileSync(file, 'FROM multi\nLABEL second=1\n')
    const layout = await at.buildLayout('-f', file, '--platform', 'linux/arm64')
    expect(skopeo('inspect', '--config', '--override-arch', 'arm64', `oci:${layout}:latest`)).toMatchObject({
      architecture: 'arm64',
      config: { Labels: { platform: 'linux/arm64', second: '1' } },
    })
  })

  test('as files has a folder for each', async () => {
    const at = project(crossCompiled)
    const files = await at.buildFiles(...both)
    expect(readFileSync(join(files, 'linux_arm64/app'), 'utf8')).toBe('for arm64 with compiler\n')
    const local = join(at.root, 'local')
    await at.build(...both, '-o', local)
    expect(readFileSync(join(local, 'linux_amd64/app'), 'utf8')).toBe('for amd64 with compiler\n')
  })

  test('says the index’s digest to programs', async () => {
    const at = project(crossCompiled)
    const [iid, metadata] = [join(at.root, 'iid'), join(at.root, 'metadata')]
    const digest = await at.build(...both, '--iidfile', iid, '--metadata-file', metadata)
    expect(readFileSync(iid, 'utf8')).toBe(digest)
    expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({
      'containerimage.digest': digest,
      'containerimage.descriptor': { mediaType: 'application/vnd.oci.image.index.v1+json' },
    })
  })
})

describe('annotations', () => {
  test('are written to the manifest', async () => {
    const layout = await project('FROM scratch\n').buildLayout('--annotation', 'org.example.a=b', '--annotation', 'c=d')
    expect(skopeo('inspect', '--raw', `oci:${layout}:latest`)).toMatchObject({
      annotations: { 'org.example.a': 'b', c: 'd' },
    })
  })

  test('are written to each place that they are for', async () => {
    const args = ['index:i=1', 'manifest[linux/arm64]:m=2', 'manifest-descriptor:d=3', 'index-descriptor:x=4']
    const layout = await project('FROM scratch\n').buildLayout(
      ...both,
      ...args.flatMap((text) => ['--annotation', text]),
    )
    const list = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as Index
    expect(list.manifests[0]?.annotations).toMatchObject({ x: '4' })
    const index = blobOf(layout, list.manifests[0]?.digest ?? '') as Index
    expect(index.annotations).toEqual({ i: '1' })
    expect(index.manifests.map(({ annotations }) => annotations)).toEqual([{ d: '3' }, { d: '3' }])
    const manifests = index.manifests.map(({ digest }) => blobOf(layout, digest) as Index)
    expect(manifests.map(({ annotations }) => annotations)).toEqual([undefined, { m: '2' }])
  })
})

describe('programs of another platform', () => {
  const dockerfile = 'FROM scratch\nCOPY --chmod=755 hello /\nRUN ["/hello"]\n'

  function armProject(options: ProjectOptions = {}): Project {
    const at = new Project(base, { Dockerfile: dockerfile }, options)
    writeFileSync(join(at.context, 'hello'), armProgram())
    chmodSync(join(at.context, 'hello'), 0o755)
    return at
  }

  test('are refused at once where nothing runs them, with what helps', async () => {
    const { code, stderr } = await armProject().try('--platform', 'linux/arm64')
    expect(code).toBe(1)
    expect(stderr).toContain('Dockerfile:3:1: PLATFORM_CANNOT_RUN: Cannot run programs for linux/arm64')
    expect(stderr).toContain('qemu-user-static')
    expect(doneSteps(stderr)).toEqual([])
  })

  const [major = 0, minor = 0] = release().split('.').map(Number)
  const obstacle =
    process.arch !== 'x64'
      ? 'this machine is no amd64'
      : major < 6 || (major === 6 && minor < 7)
        ? 'emulators are registered for the whole machine before Linux 6.7'
        : existsSync('/usr/bin/qemu-aarch64-static')
          ? undefined
          : 'there is no qemu-aarch64-static'
  if (obstacle !== undefined) console.log(`No emulator is tried: ${obstacle}.`)

  test.skipIf(obstacle !== undefined)('run in an emulator that is registered', async () => {
    // For the programs of one user namespace alone: this machine's list stays as it is.
    const register = [
      'mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc',
      String.raw`printf '%s' ':arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F' > /proc/sys/fs/binfmt_misc/register`,
      'exec "$@"',
    ].join(' && ')
    const prefix = ['unshare', '--user', '--map-root-user', '--mount', '--', 'sh', '-c', register, 'sh']
    const { code, stderr } = await armProject({ prefix }).try('--platform', 'linux/arm64')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('hello from arm64')
  })
})
