import { execFileSync } from 'node:child_process'
import { createPrivateKey, createSign, randomUUID, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import type { Descriptor } from '../../core/image.ts'
import { parseReference } from '../../core/reference.ts'
import { basicUser, makeCertificate, startRegistry, type TestRegistry } from '../../test/support/registry.ts'
import { amd64, arm64, putSampleImage, putSampleIndex } from '../../test/support/sample-image.ts'
import { openTemporaryFolder, temporaryFolder } from '../../test/support/temporary-folder.ts'
import { openDiskBlobs, readBlob } from '../blobs/index.ts'
import { writeLayoutFolder } from '../layout/index.ts'
import { dockerCredentials, openRegistry, type FindCredentials, type PushedImage, type PushProgress } from './index.ts'

let open: TestRegistry
let guarded: TestRegistry

beforeAll(async () => {
  open = await startRegistry()
  guarded = await startRegistry({ kind: 'basic' })
})
afterAll(async () => {
  await open[Symbol.asyncDispose]()
  await guarded[Symbol.asyncDispose]()
})

const knownUser: FindCredentials = () => Promise.resolve({ kind: 'basic', ...basicUser })

describe('push and pull', () => {
  test.each(['oci', 'docker'] as const)('an image of the %s family comes back as it went', async (family) => {
    const { blobs, image } = await sample((store) => putSampleImage(store, { family }))
    const target = reference(`push/${family}:1`)
    await using registry = openRegistry()
    await registry.push({ ...image, target, tags: ['1', 'latest'] })
    expect(await registry.find(target)).toMatchObject({ digest: image.root.digest, size: image.root.size })
    const { manifest, manifestDocument, imageFile } = await registry.resolve(target, amd64)
    expect(digestOf(manifestDocument.bytes)).toBe(image.root.digest)
    expect(imageFile.config.Cmd).toEqual(['/bin/sh'])
    for (const layer of manifest.layers) {
      expect(await collect(registry.readBlob(target, layer))).toEqual(await readBlob(blobs, layer.digest))
    }
    expect(skopeoDigest(`${open.host}/push/${family}:latest`)).toBe(image.root.digest)
  })

  test('an index is pushed with its images, and resolved for each platform', async () => {
    const { image } = await sample(putSampleIndex)
    const target = reference('push/index:1')
    await using registry = openRegistry()
    await registry.push({ ...image, target, tags: ['1'] })
    expect((await registry.resolve(target, arm64)).imageFile.architecture).toBe('arm64')
    expect((await registry.resolve(target, amd64)).root.descriptor.digest).toBe(image.root.digest)
    await expect(registry.resolve(target, { os: 'windows', architecture: 'amd64' })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
    execFileSync('skopeo', [
      'copy',
      '-q',
      '--all',
      '--src-tls-verify=false',
      `docker://${open.host}/push/index:1`,
      `dir:${temporaryFolder()}`,
    ])
  })

  test('an image without tags is there by its digest only', async () => {
    const { image } = await sample()
    const target = reference('push/untagged')
    await using registry = openRegistry()
    await registry.push({ ...image, target, tags: [] })
    expect(await registry.find(target)).toBeUndefined()
    expect(await registry.find({ ...target, digest: image.root.digest })).toBeDefined()
  })

  test('what skopeo pushed is pulled', async () => {
    const { folder, image } = await sample()
    await writeLayoutFolder(join(folder, 'layout'), { ...image, names: ['app:1'], created: undefined })
    const name = `${open.host}/pull/skopeo:1`
    execFileSync('skopeo', [
      'copy',
      '-q',
      '--dest-tls-verify=false',
      `oci:${join(folder, 'layout')}:1`,
      `docker://${name}`,
    ])
    await using registry = openRegistry()
    const { manifest } = await registry.resolve(parseReference(name), amd64)
    for (const layer of manifest.layers) {
      expect(digestOf(await collect(registry.readBlob(parseReference(name), layer)))).toBe(layer.digest)
    }
  })

  test('what is there is not read again, and what another repository has is mounted', async () => {
    const { image } = await sample()
    await using registry = openRegistry()
    const states = async (target: string, more: Partial<PushedImage> = {}) => {
      const seen: PushProgress[] = []
      await registry.push({
        ...image,
        ...more,
        target: reference(target),
        tags: ['1'],
        onProgress: (progress) => seen.push(progress),
      })
      return seen.filter(({ state }) => state !== 'uploading').map(({ state }) => state)
    }
    expect(await states('mount/source')).toEqual(['uploaded', 'uploaded', 'uploaded'])
    expect(await states('mount/source')).toEqual(['present', 'present', 'present'])
    const unreadable = (wanted: Descriptor) => {
      if (wanted.mediaType.includes('manifest')) return image.read(wanted)
      throw new Error('this need not be read')
    }
    expect(await states('mount/target', { read: unreadable, sourcesOf: () => ['mount/source'] })).toEqual([
      'mounted',
      'mounted',
      'mounted',
    ])
    expect(await states('mount/other', { sourcesOf: () => ['mount/nowhere'] })).toEqual([
      'uploaded',
      'uploaded',
      'uploaded',
    ])
  })

  test('a blob that cannot be read stops the push with its own error', async () => {
    const { image } = await sample()
    await using registry = openRegistry()
    const read = (wanted: Descriptor) => (wanted.mediaType.includes('layer') ? failing() : image.read(wanted))
    await expect(registry.push({ ...image, read, target: reference('push/broken'), tags: ['1'] })).rejects.toThrow(
      'the store is gone',
    )
    expect(await registry.find(reference('push/broken:1'))).toBeUndefined()
  })

  test('a large layer is streamed both ways', async () => {
    const text = Array.from({ length: 300_000 }, () => randomUUID()).join('')
    const { image } = await sample((store) => putSampleImage(store, { layers: [{ large: text }] }))
    const target = reference('push/large:1')
    await using registry = openRegistry()
    await registry.push({ ...image, target, tags: ['1'] })
    const { manifest } = await registry.resolve(target, amd64)
    const [layer] = manifest.layers
    expect(digestOf(await collect(registry.readBlob(target, layer!)))).toBe(layer!.digest)
  })
})

describe('what is not there', () => {
  test('is not found, and the message names it', async () => {
    await using registry = openRegistry()
    expect(await registry.find(reference('nothing/here:1'))).toBeUndefined()
    await expect(registry.resolve(reference('nothing/here:1'), amd64)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringContaining(`${open.host}/nothing/here:1`) as string,
    })
    const descriptor = { mediaType: '', digest: digestOf('nothing'), size: 7 }
    await expect(collect(registry.readBlob(reference('nothing/here'), descriptor))).rejects.toMatchObject({
      code: 'BLOB_NOT_FOUND',
    })
  })

  test('includes registries: they are unreachable after a few tries', async () => {
    const pauses: number[] = []
    const clock = { now: () => Date.now(), sleep: (ms: number) => Promise.resolve(void pauses.push(ms)) }
    await using registry = openRegistry({ clock })
    await expect(registry.find(parseReference('127.0.0.1:1/nobody:1'))).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('127.0.0.1:1') as string,
    })
    expect(pauses).toEqual([1000, 2000, 4000, 8000])
  })
})

describe('a registry with passwords', () => {
  test('takes the right one', async () => {
    const { image } = await sample()
    const target = parseReference(`${guarded.host}/private/app:1`)
    await using registry = openRegistry({ credentials: knownUser })
    await registry.push({ ...image, target, tags: ['1'] })
    expect((await registry.resolve(target, amd64)).manifestDocument.descriptor.digest).toBe(image.root.digest)
  })

  test('turns a stranger away with a hint to log in', async () => {
    await using registry = openRegistry()
    await expect(registry.resolve(parseReference(`${guarded.host}/private/app:1`), amd64)).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      hint: expect.stringContaining('docker login') as string,
    })
  })

  test('turns a wrong password away without telling it', async () => {
    const credentials: FindCredentials = () =>
      Promise.resolve({ kind: 'basic', username: 'stave', password: 'wrong-password' })
    await using registry = openRegistry({ credentials })
    const failure: unknown = await registry
      .find(parseReference(`${guarded.host}/private/app:1`))
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'REGISTRY_DENIED' })
    expect(JSON.stringify([String(failure), failure])).not.toContain('wrong-password')
  })

  test('knows what "docker login" and "skopeo login" wrote', async () => {
    const folder = temporaryFolder()
    execFileSync(
      'skopeo',
      [
        'login',
        '--tls-verify=false',
        '--authfile',
        join(folder, 'config.json'),
        '-u',
        basicUser.username,
        '--password-stdin',
        guarded.host,
      ],
      {
        input: basicUser.password,
      },
    )
    await using registry = openRegistry({ credentials: dockerCredentials(folder) })
    expect(await registry.find(parseReference(`${guarded.host}/nothing:1`))).toBeUndefined()
  })
})

describe('a registry with a token server', () => {
  test('gives tokens for what is asked, and for mounts', async () => {
    using folder = openTemporaryFolder()
    await using tokens = await startTokenServer(folder.path)
    await using registry = await startRegistry({
      kind: 'token',
      realm: tokens.realm,
      certificateFile: tokens.certificateFile,
    })
    const { image } = await sample()
    const source = parseReference(`${registry.host}/team/source:1`)
    const target = parseReference(`${registry.host}/team/target:1`)
    await using client = openRegistry({ credentials: knownUser })
    await client.push({ ...image, target: source, tags: ['1'] })
    expect((await client.resolve(source, amd64)).manifestDocument.descriptor.digest).toBe(image.root.digest)
    const seen: string[] = []
    const sourcesOf = () => ['team/source']
    await client.push({ ...image, target, tags: ['1'], sourcesOf, onProgress: ({ state }) => seen.push(state) })
    expect(seen).toEqual(['mounted', 'mounted', 'mounted'])
    expect(tokens.asked).toContain('repository:team/target:pull,push repository:team/source:pull')
    await using stranger = openRegistry()
    await expect(stranger.find(source)).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })
})

describe('credentials', () => {
  test.each<[string, object, string]>([
    ['the host', { auths: { 'r.example': { auth: base64('me:pass:word') } } }, 'r.example/a'],
    ['an address', { auths: { 'https://r.example/v2/': { auth: base64('me:pass:word') } } }, 'r.example/a'],
    ["Docker Hub's key", { auths: { 'https://index.docker.io/v1/': { auth: base64('me:pass:word') } } }, 'alpine'],
    [
      'a part of a registry',
      { auths: { 'r.example': {}, 'r.example/a': { auth: base64('me:pass:word') } } },
      'r.example/a/b',
    ],
    ['plain members', { auths: { 'r.example': { username: 'me', password: 'pass:word' } } }, 'r.example/a'],
  ])('are found under %s', async (_, config, name) => {
    const { registry, repository } = parseReference(name)
    expect(await dockerCredentials(configFolder(config))(registry, repository)).toEqual({
      kind: 'basic',
      username: 'me',
      password: 'pass:word',
    })
  })

  test('are not found where there are none', async () => {
    const none = { kind: 'anonymous' }
    expect(await dockerCredentials(join(temporaryFolder(), 'nowhere'))('r.example', 'a')).toEqual(none)
    const config = { auths: { 'other.example': { auth: base64('me:pw') } }, proxies: {}, HttpHeaders: {} }
    expect(await dockerCredentials(configFolder(config))('r.example', 'a')).toEqual(none)
  })

  test('may be tokens', async () => {
    const config = { auths: { 'a.example': { identitytoken: 'i' }, 'b.example': { registrytoken: 'r' } } }
    const find = dockerCredentials(configFolder(config))
    expect(await find('a.example', 'x')).toEqual({ kind: 'identity-token', token: 'i' })
    expect(await find('b.example', 'x')).toEqual({ kind: 'bearer', token: 'r' })
  })

  test.each(['{"auths": "secret-word"}', '{"auths": {"r.example": {"auth": "c2VjcmV0LXdvcmQ="}}}', 'secret-word'])(
    'that are malformed are refused, and not repeated: %s',
    async (text) => {
      const folder = temporaryFolder()
      writeFileSync(join(folder, 'config.json'), text)
      const failure: unknown = await dockerCredentials(folder)('r.example', 'a').catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'CREDENTIALS_INVALID' })
      expect(String(failure)).not.toContain('secret-word')
    },
  )

  test('are asked of a helper', async () => {
    const folder = configFolder({ credsStore: 'other', credHelpers: { 'r.example': 'test' } })
    const answer = `read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"me@$server\\",\\"Secret\\":\\"pw\\"}"`
    await withHelper(folder, 'test', answer, async (find) => {
      expect(await find('r.example', 'a')).toEqual({ kind: 'basic', username: 'me@r.example', password: 'pw' })
    })
    await withHelper(folder, 'test', `echo '{"Username":"<token>","Secret":"t"}'`, async (find) => {
      expect(await find('r.example', 'a')).toEqual({ kind: 'identity-token', token: 't' })
    })
    await withHelper(folder, 'test', 'echo credentials not found in native keychain; exit 1', async (find) => {
      expect(await find('r.example', 'a')).toEqual({ kind: 'anonymous' })
    })
    await withHelper(folder, 'test', 'echo secret-word; exit 2', async (find) => {
      const failure: unknown = await find('r.example', 'a').catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'CREDENTIALS_INVALID' })
      expect(String(failure)).not.toContain('secret-word')
    })
    await expect(dockerCredentials(folder)('elsewhere.example', 'a')).rejects.toMatchObject({
      code: 'CREDENTIALS_INVALID',
      message: expect.stringContaining('docker-credential-other') as string,
    })
  })
})

async function withHelper(folder: string, name: string, script: string, use: (find: FindCredentials) => Promise<void>) {
  const file = join(folder, `docker-credential-${name}`)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${folder}:${path}`
  try {
    await use(dockerCredentials(folder))
  } finally {
    process.env['PATH'] = path
    rmSync(file)
  }
}

function configFolder(config: object): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  return folder
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

async function sample(put: (blobs: ReturnType<typeof openDiskBlobs>) => Promise<Descriptor> = putSampleImage) {
  const folder = temporaryFolder()
  const blobs = openDiskBlobs(join(folder, 'store'), join(folder, 'staged'))
  const root = await put(blobs)
  return { folder, blobs, image: { root, read: ({ digest }: Descriptor) => blobs.get(digest) } }
}

function reference(name: string) {
  return parseReference(`${open.host}/${name}`)
}

function skopeoDigest(name: string): string {
  return execFileSync('skopeo', ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`], {
    encoding: 'utf8',
  }).trim()
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('x')
  await Promise.resolve()
  throw new Error('the store is gone')
}

/** Signs whatever `basicUser` asks for.
 *  @see https://distribution.github.io/distribution/spec/auth/jwt/ */
async function startTokenServer(folder: string) {
  const { keyFile, certificateFile } = makeCertificate(folder)
  const key = createPrivateKey(readFileSync(keyFile))
  const x5c = [new X509Certificate(readFileSync(certificateFile)).raw.toString('base64')]
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const scopes = searchParams.getAll('scope')
    asked.push(scopes.join(' '))
    if (request.headers.authorization !== `Basic ${base64(`${basicUser.username}:${basicUser.password}`)}`) {
      response.writeHead(401).end()
      return
    }
    const access = scopes.map((scope) => {
      const [type = '', name = '', actions = ''] = scope.split(':')
      return { type, name, actions: actions.split(',') }
    })
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: 'test',
      sub: 'stave',
      aud: 'test',
      iat: now,
      nbf: now - 5,
      exp: now + 300,
      jti: randomUUID(),
      access,
    }
    const body = [{ typ: 'JWT', alg: 'RS256', x5c }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    const signature = createSign('RSA-SHA256').update(body.join('.')).sign(key, 'base64url')
    response.end(JSON.stringify({ token: [...body, signature].join('.'), expires_in: 300 }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    certificateFile,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
