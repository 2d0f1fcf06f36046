import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { formatPlatform } from '../../core/platform.ts'
import type { BuildRequest } from './request.ts'
import { resolveRoot, resolveSettings, type Settings, type Surroundings } from './settings.ts'

const machine: Surroundings = { env: {}, architecture: 'x64', uid: 0 }

function settings(request: Partial<BuildRequest> = {}, surroundings: Partial<Surroundings> = {}): Settings {
  return resolveSettings({ context: '.', ...request }, { ...machine, ...surroundings })
}

test('a context alone is enough', () => {
  expect(settings()).toMatchObject({
    context: { kind: 'folder', path: resolve('.') },
    file: undefined,
    tags: [],
    target: undefined,
    noCache: [],
    pull: false,
    network: 'default',
    isolation: 'auto',
    outputs: [{ type: 'image', names: [], push: false }],
    platforms: [{ os: 'linux', architecture: 'amd64' }],
    root: '/var/lib/stave',
  })
})

test('names are given in full', () => {
  expect(settings({ tags: ['app', 'ghcr.io/o/app:2'] }).tags).toEqual([
    'docker.io/library/app:latest',
    'ghcr.io/o/app:2',
  ])
})

const contexts: Readonly<Record<string, object>> = {
  'folder/x': { kind: 'folder', path: resolve('folder/x') },
  '-': { kind: 'stream', bytes: undefined },
  'https://x/a.tar.gz': { kind: 'url', url: 'https://x/a.tar.gz' },
  'https://x/a.git#v1:sub': { kind: 'git', source: { reference: 'v1', subdirectory: 'sub' } },
  'git@x:a/b': { kind: 'git', source: { repository: 'git@x:a/b' } },
}

for (const [context, expected] of Object.entries(contexts)) {
  test(`the context ${context} is of its kind`, () => {
    expect(settings({ context }).context).toMatchObject(expected)
  })
}

test('a context may be a stream of bytes', () => {
  const bytes = Readable.from([])
  expect(settings({ context: bytes }).context).toEqual({ kind: 'stream', bytes })
})

test('a Dockerfile is a path, a URL, or standard input', () => {
  expect(['a/b', 'https://x/y', '-'].map((file) => settings({ file }).file)).toEqual([
    { kind: 'path', path: 'a/b' },
    { kind: 'url', url: 'https://x/y' },
    { kind: 'stdin' },
  ])
})

test('steps are carried out anew in all stages, or in those that are named', () => {
  expect(settings({ noCache: true, noCacheFilter: ['a'] }).noCache).toBe(true)
  expect(settings({ noCacheFilter: ['a,b', 'c'] }).noCache).toEqual(['a', 'b', 'c'])
})

test('an empty target is none', () => {
  expect(settings({ target: '' }).target).toBeUndefined()
})

for (const [architecture, platform] of Object.entries({ x64: 'amd64', ia32: '386', arm64: 'arm64', s390x: 's390x' })) {
  test(`a machine that Node calls ${architecture} builds for ${platform}`, () => {
    expect(settings({}, { architecture }).platforms[0].architecture).toBe(platform)
  })
}

test('several platforms are built each once, and `local` is this machine’s', () => {
  const names = (platform: string | readonly string[]): readonly string[] =>
    settings({ platform }).platforms.map((found) => formatPlatform(found))
  expect(names('linux/arm64,local,linux/amd64')).toEqual(['linux/arm64', 'linux/amd64'])
  expect(names(['linux/arm/v7', 'arm64/v8'].slice(0, 1))).toEqual(['linux/arm/v7'])
})

test('another platform is the image’s, not the machine’s', () => {
  const { platforms, buildPlatform } = settings({ platform: 'linux/arm64' })
  expect([...platforms.map(({ architecture }) => architecture), buildPlatform.architecture]).toEqual(['arm64', 'amd64'])
})

test('proxies of the environment are known by both spellings, empty ones not at all', () => {
  const env = { HTTP_PROXY: 'http://a', no_proxy: 'b', FTP_PROXY: '', PATH: '/bin' }
  expect(Object.fromEntries(settings({}, { env }).proxies)).toEqual({ HTTP_PROXY: 'http://a', no_proxy: 'b' })
})

test('SOURCE_DATE_EPOCH of the environment is a build argument, unless one is given', () => {
  const env = { SOURCE_DATE_EPOCH: '5' }
  expect(settings({}, { env }).buildArgs.get('SOURCE_DATE_EPOCH')).toBe('5')
  const given = { buildArgs: { SOURCE_DATE_EPOCH: '' } }
  expect(settings(given, { env }).buildArgs.get('SOURCE_DATE_EPOCH')).toBe('')
  expect(settings({}, { env: { SOURCE_DATE_EPOCH: '' } }).buildArgs.size).toBe(0)
})

const refused: Readonly<Record<string, readonly [request: object, code: string, message: string]>> = {
  'an unknown option': [{ tag: 'a' }, 'OPTION_INVALID', '"tag"'],
  'no context': [{ context: '' }, 'OPTION_INVALID', '"context" must be a path'],
  'a context that is no text': [{ context: 5 }, 'OPTION_INVALID', '"context" must be a path; got 5'],
  'both from standard input': [{ context: '-', file: '-' }, 'OPTION_INVALID', 'both the context and the Dockerfile'],
  'a context whose address is none': [{ context: 'https://[x/a.tar' }, 'OPTION_INVALID', 'is no URL'],
  'a git context with an option for a branch': [{ context: 'https://x/a.git#-o' }, 'SOURCE_INVALID', '-o'],
  'a Dockerfile without a path': [{ file: '' }, 'OPTION_INVALID', '"file" must be a path'],
  'an annotation of an index where there is none': [
    { annotations: [{ key: 'a', value: 'b', place: 'index' }] },
    'OPTION_INVALID',
    'an image for one platform has none',
  ],
  'an annotation for a platform that is not built': [
    { annotations: [{ key: 'a', value: 'b', platform: 'linux/arm64' }] },
    'OPTION_INVALID',
    'that platform is not built',
  ],
  'several platforms in a Docker archive': [
    { platform: ['linux/amd64', 'linux/arm64'], outputs: [{ type: 'docker', dest: 'x' }] },
    'OPTION_INVALID',
    'holds one platform',
  ],
  'a platform that is none': [{ platform: 'a/b/c/d' }, 'PLATFORM_INVALID', 'a/b/c/d'],
  'a network that is none': [{ network: 'bridge' }, 'OPTION_INVALID', 'default, none, host'],
  'an isolation that is none': [{ isolation: 'hyperv' }, 'OPTION_INVALID', 'auto, oci, native, chroot'],
  'a name that is none': [{ tags: ['App'] }, 'REFERENCE_INVALID', 'App'],
  'a name with a digest': [{ tags: [`a@sha256:${'0'.repeat(64)}`] }, 'OPTION_INVALID', 'a tag, not a digest'],
  'a build argument that is no text': [{ buildArgs: { A: 1 } }, 'OPTION_INVALID', '"A"'],
}

for (const [what, [request, code, message]] of Object.entries(refused)) {
  test(`${what} is refused`, () => {
    expect(() => settings(request)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as unknown }),
    )
  })
}

test('the store is where the request says, else the environment, else where the user’s data are', () => {
  const of = (root: string | undefined, surroundings: Partial<Surroundings>): string =>
    resolveRoot(root, { ...machine, ...surroundings })
  expect([
    of('/given', { env: { STAVE_HOME: '/env' } }),
    of(undefined, { env: { STAVE_HOME: '/env' } }),
    of(undefined, { env: { STAVE_HOME: '' } }),
    of(undefined, { uid: 1000, env: { XDG_DATA_HOME: '/data' } }),
  ]).toEqual(['/given', '/env', '/var/lib/stave', '/data/stave'])
  // A variable that is not set makes it empty; another store than the one that was meant would be filled.
  expect(() => of('', {})).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})
