import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project } from '../support/project.ts'
import { basicUser, startRegistry, type TestRegistry } from '../support/registry.ts'
import { stave, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string
let registry: TestRegistry

beforeAll(async () => {
  base = makeBaseLayout(folder.path)
  registry = await startRegistry()
  skopeo('copy', '--dest-tls-verify=false', `oci:${base}:base`, `docker://${registry.host}/base:1`)
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function skopeo(...args: readonly string[]): string {
  return execFileSync('skopeo', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

interface Manifest {
  readonly layers: readonly { readonly digest: string }[]
}

function manifestOf(reference: string): Manifest {
  return JSON.parse(skopeo('inspect', '--raw', '--tls-verify=false', `docker://${reference}`)) as Manifest
}

function project(dockerfile: string): Project {
  return new Project(base, { Dockerfile: dockerfile, f: 'content' })
}

/** What the registry was asked from now on. */
function watch(): () => readonly string[] {
  const before = registry.requests().length
  return () => registry.requests().slice(before)
}

describe('with a base in a registry and an empty store', () => {
  test('a build pulls it, and pushes just its own layers: the base is mounted from where it is', async () => {
    const at = project(`FROM ${registry.host}/base:1\nCOPY f /f\nRUN cat /f > /g\n`)
    const requests = watch()
    const digest = await at.build('-t', `${registry.host}/team/app:1`, '--push')
    const inspected = JSON.parse(skopeo('inspect', '--tls-verify=false', `docker://${registry.host}/team/app:1`)) as {
      readonly Digest: string
    }
    expect(inspected.Digest).toBe(digest)

    const baseLayers = manifestOf(`${registry.host}/base:1`).layers.map((layer) => layer.digest)
    const layers = manifestOf(`${registry.host}/team/app:1`).layers.map((layer) => layer.digest)
    expect(layers.slice(0, baseLayers.length)).toEqual(baseLayers)
    const uploads = requests().filter((line) => line.startsWith('PUT /v2/team/app/blobs/uploads/'))
    expect(
      uploads.filter((line) =>
        baseLayers.some((layer) => line.includes(encodeURIComponent(layer)) || line.includes(layer)),
      ),
    ).toEqual([])
    expect(uploads).toHaveLength(3) // two layers and the config
  })

  test('a build that needs no file of the base downloads none of its layers', async () => {
    const at = project(`FROM ${registry.host}/base:1\nLABEL a=b\nCMD ["true"]\n`)
    const requests = watch()
    await at.build('-t', `${registry.host}/team/labelled:1`, '--push')
    const baseLayers = manifestOf(`${registry.host}/base:1`).layers.map((layer) => layer.digest)
    const downloads = requests().filter(
      (line) => line.startsWith('GET ') && baseLayers.some((layer) => line.includes(layer)),
    )
    expect(downloads).toEqual([])
    expect(readdirSync(join(at.store, 'v1/layers'))).toEqual([])
  })

  test('an archive of such an image has all layers, fetched for it', async () => {
    const at = project(`FROM ${registry.host}/base:1\nLABEL a=b\n`)
    const archive = join(at.root, 'image.tar')
    await at.build('-o', `type=oci,dest=${archive}`)
    skopeo('copy', `oci-archive:${archive}`, `dir:${join(at.root, 'copied')}`)
  })
})

test('a second push sends nothing but the manifest', async () => {
  const at = project(`FROM ${registry.host}/base:1\nCOPY f /f\n`)
  await at.build('-t', `${registry.host}/again:1`, '--push')
  const requests = watch()
  await at.build('-t', `${registry.host}/again:1`, '--push')
  expect(requests().filter((line) => line.startsWith('PUT ') && line.includes('/blobs/'))).toEqual([])
})

test('a tag that moved is noticed, and only then the steps run again', async () => {
  const at = project(`FROM ${registry.host}/moving:1\nRUN cat /etc/motd\n`)
  skopeo('copy', '--dest-tls-verify=false', `oci:${base}:base`, `docker://${registry.host}/moving:1`)
  await at.build()
  expect((await at.try()).stderr).toContain('CACHED')
  const other = project('FROM base\nRUN echo moved > /etc/motd\n')
  await other.build('-t', `${registry.host}/moving:1`, '--push')
  expect((await at.try()).stderr).toMatch(/^#\d+ [\d.]+ moved$/m)
})

test('with credentials in config.json a registry that asks for a password lets us in, and without it says what to do', async () => {
  await using closed = await startRegistry({ kind: 'basic' })
  const config = writeFiles(join(folder.path, 'docker-config'), {
    'config.json': JSON.stringify({
      auths: { [closed.host]: { auth: Buffer.from(`${basicUser.username}:${basicUser.password}`).toString('base64') } },
    }),
  })
  const at = project('FROM base\nCOPY f /f\n')
  const args = ['build', '-t', `${closed.host}/private:1`, '--push', ...at.args]
  expect(await stave(args, { store: at.store, env: { DOCKER_CONFIG: config } })).toMatchObject({ code: 0 })
  const refused = await stave(args, { store: at.store, env: { DOCKER_CONFIG: join(folder.path, 'nowhere') } })
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('REGISTRY_DENIED') as unknown })
  expect(refused.stderr).not.toContain(basicUser.password)
})

test('an image that is nowhere is an error at its line', async () => {
  const at = project(`FROM ${registry.host}/nothing:1\n`)
  const { code, stderr } = await at.try()
  expect(code).toBe(1)
  expect(stderr).toContain('Dockerfile:1:6: IMAGE_NOT_FOUND')
})

test('a layer that was tampered with in the registry is refused, and nothing of it is kept', async () => {
  await using own = await startRegistry()
  skopeo('copy', '--dest-tls-verify=false', `oci:${base}:base`, `docker://${own.host}/base:1`)
  const [layer = ''] = manifestOf(`${own.host}/base:1`).layers.map(({ digest }) => digest.slice('sha256:'.length))
  const blob = join(own.folder, 'docker/registry/v2/blobs/sha256', layer.slice(0, 2), layer, 'data')
  const bytes = execFileSync('cat', [blob], { maxBuffer: 1 << 28 })
  bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1
  rmSync(blob)
  writeFileSync(blob, bytes)
  const at = project(`FROM ${own.host}/base:1\nRUN true\n`)
  const { code, stderr } = await at.try()
  expect({ code, mentions: stderr.includes('DIGEST_MISMATCH') }).toEqual({ code: 1, mentions: true })
  expect(readdirSync(join(at.store, 'v1/layers'))).toEqual([])
})
