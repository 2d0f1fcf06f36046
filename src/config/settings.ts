import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { formatPlatform, parsePlatform, type Platform } from '../../core/platform.ts'
import type { IsolationName } from '../../executor/index.ts'
import { resolveAnnotations, type Annotation } from './annotations.ts'
import { fullName } from './full-name.ts'
import { parseContextLocation, parseFileLocation, type ContextLocation, type FileLocation } from './locations.ts'
import { resolveOutputs, type Output } from './outputs.ts'
import type { BuildRequest } from './request.ts'
import { resolveRunSettings, type RunSettings } from './run-settings.ts'

/** A request, checked, with every default filled in. */
export interface Settings {
  readonly context: ContextLocation
  /** `undefined`: look for it in the context. */
  readonly file: FileLocation | undefined
  /** Names of the image in full: `docker.io/library/app:latest`. */
  readonly tags: readonly string[]
  /** With `SOURCE_DATE_EPOCH` from the environment, unless the request has one. */
  readonly buildArgs: ReadonlyMap<string, string>
  /** Proxy settings of the environment: build arguments that nobody gave, by the names that BuildKit predefines. */
  readonly proxies: ReadonlyMap<string, string>
  readonly target: string | undefined
  readonly labels: ReadonlyMap<string, string>
  /** Steps to carry out even if they are recorded: all, or those of the named stages. */
  readonly noCache: boolean | readonly string[]
  /** Ask registries for images that are in the local store, too. */
  readonly pull: boolean
  readonly network: 'default' | 'none' | 'host'
  readonly run: RunSettings
  readonly outputs: readonly Output[]
  /** At least one, each once, in the order asked for. */
  readonly platforms: Platforms
  readonly buildPlatform: Platform
  readonly isolation: 'auto' | IsolationName
  /** Absolute. */
  readonly root: string
  readonly buildContexts: ReadonlyMap<string, string>
  readonly annotations: readonly Annotation[]
}

/** What the process that builds knows of its surroundings. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** As `process.arch` has it. */
  readonly architecture: string
  readonly uid: number
}

const known: Readonly<Record<keyof BuildRequest, true>> = {
  context: true,
  file: true,
  tags: true,
  buildArgs: true,
  target: true,
  labels: true,
  noCache: true,
  noCacheFilter: true,
  pull: true,
  network: true,
  allow: true,
  extraHosts: true,
  shmSizeBytes: true,
  ulimits: true,
  cgroupParent: true,
  secrets: true,
  ssh: true,
  outputs: true,
  platform: true,
  annotations: true,
  isolation: true,
  root: true,
  buildContexts: true,
}

/** @throws {BuildError} `OPTION_INVALID`, `PLATFORM_INVALID`, `REFERENCE_INVALID`, `SOURCE_INVALID`, `UNSUPPORTED` */
export function resolveSettings(request: BuildRequest, surroundings: Surroundings): Settings {
  for (const name of Object.keys(request)) {
    if (!(name in known)) throw invalid(`Cannot build with option ${JSON.stringify(name)}: there is no such option`)
  }
  const context = parseContextLocation(request.context)
  const file = request.file === undefined ? undefined : parseFileLocation(request.file)
  if (context.kind === 'stream' && context.bytes === undefined && file?.kind === 'stdin') {
    throw invalid('Cannot read both the context and the Dockerfile from standard input')
  }
  const tags = (request.tags ?? []).map(fullName)
  const buildPlatform = platformOfMachine(surroundings.architecture)
  const platforms = resolvePlatforms(request.platform ?? [], buildPlatform)
  return {
    context,
    file,
    tags,
    buildArgs: new Map([...sourceDateOf(surroundings.env), ...textMap('buildArgs', request.buildArgs)]),
    proxies: proxiesOf(surroundings.env),
    target: request.target === undefined || request.target === '' ? undefined : request.target,
    labels: textMap('labels', request.labels),
    noCache:
      request.noCache === true
        ? true
        : (request.noCacheFilter ?? []).flatMap((names) => names.split(',')).filter((name) => name !== ''),
    pull: request.pull ?? false,
    network: oneOf('network', request.network ?? 'default', ['default', 'none', 'host']),
    run: resolveRunSettings(request, surroundings.env),
    outputs: resolveOutputs(request.outputs ?? [], tags, platforms.length),
    platforms,
    annotations: resolveAnnotations(request.annotations ?? [], platforms),
    buildPlatform,
    isolation: oneOf('isolation', request.isolation ?? 'auto', ['auto', 'oci', 'native', 'chroot']),
    root: resolveRoot(request.root, surroundings),
    buildContexts: textMap('buildContexts', request.buildContexts),
  }
}

/** Where the store is kept.
 *  @throws {BuildError} `OPTION_INVALID` */
export function resolveRoot(root: string | undefined, { env, uid }: Surroundings): string {
  if (root === '') throw invalid('"root" must be a folder; got ""')
  const given = root ?? env['STAVE_HOME']
  if (given !== undefined && given !== '') return resolve(given)
  if (uid === 0) return '/var/lib/stave'
  const data = env['XDG_DATA_HOME']
  return join(data === undefined || data === '' ? join(homedir(), '.local', 'share') : data, 'stave')
}

/** @see https://docs.docker.com/reference/dockerfile/#predefined-args */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY']

function proxiesOf(env: Surroundings['env']): ReadonlyMap<string, string> {
  const names = [...proxyNames, ...proxyNames.map((name) => name.toLowerCase())]
  return new Map(
    names.flatMap((name) => {
      const value = env[name]
      return value === undefined || value === '' ? [] : [[name, value] as const]
    }),
  )
}

/** @see https://reproducible-builds.org/docs/source-date-epoch/ */
function sourceDateOf(env: Surroundings['env']): ReadonlyMap<string, string> {
  const value = env['SOURCE_DATE_EPOCH']
  return new Map(value === undefined || value === '' ? [] : [['SOURCE_DATE_EPOCH', value]])
}

type Platforms = readonly [Platform, ...Platform[]]

/** `local` is this machine's. */
function resolvePlatforms(request: string | readonly string[], local: Platform): Platforms {
  const texts = typeof request === 'string' ? request.split(',') : request
  const asked = texts.length === 0 ? [local] : texts.map((text) => (text === 'local' ? local : parsePlatform(text)))
  const [first = local, ...others] = new Map(asked.map((platform) => [formatPlatform(platform), platform])).values()
  return [first, ...others]
}

function platformOfMachine(architecture: string): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', loong64: 'loong64' }
  return parsePlatform(`linux/${names[architecture] ?? architecture}`)
}

function textMap(name: string, values: Readonly<Record<string, string>> | undefined): ReadonlyMap<string, string> {
  const entries = Object.entries(values ?? {})
  const wrong = entries.find(([, value]) => typeof value !== 'string')
  if (wrong !== undefined) throw invalid(`${JSON.stringify(name)} must give text for ${JSON.stringify(wrong[0])}`)
  return new Map(entries)
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value
  throw invalid(`${JSON.stringify(name)} must be one of ${allowed.join(', ')}; got ${JSON.stringify(value)}`)
}

function invalid(message: string): BuildError {
  return new BuildError('OPTION_INVALID', message)
}
