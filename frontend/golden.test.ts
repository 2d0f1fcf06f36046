import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../core/digest.ts'
import { BuildError, failuresOf } from '../core/errors.ts'
import type { Vertex } from '../core/graph.ts'
import type { ImageFile } from '../core/image.ts'
import type { Op } from '../core/ops.ts'
import { parsePlatform } from '../core/platform.ts'
import { formatPosition } from '../core/source-range.ts'
import {
  parseDockerfile,
  planBuild,
  questionKey,
  type BuildPlan,
  type Answer,
  type ImageQuestion,
  type Question,
  type PlanOptions,
} from './index.ts'

// A case is a folder: Dockerfile, perhaps .dockerignore, options.json and answers.json, and the outcome: plan.json or
// error.txt. `npx vitest run frontend -u` writes outcomes; read the diff before it is committed.
const root = fileURLToPath(new URL('../fixtures/dockerfiles', import.meta.url))

interface CaseOptions {
  readonly buildArgs?: Readonly<Record<string, string>>
  readonly target?: string
  readonly platform?: string
  readonly buildPlatform?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly network?: PlanOptions['network']
  readonly noCache?: PlanOptions['noCache']
  readonly contexts?: Readonly<Record<string, 'files' | 'image' | 'scratch'>>
  readonly hosts?: Readonly<Record<string, string>>
  readonly limits?: Partial<PlanOptions['limits']>
  readonly allow?: readonly string[]
  readonly multiPlatform?: boolean
  /** Seconds since 1970, by the name of a context. */
  readonly times?: Readonly<Record<string, number>>
}

/** Of all commits, and of all downloads. */
const timeOf = { git: 1_111_111_111, http: 1_222_222_222 }

type CaseAnswers = Readonly<Record<string, Partial<ImageFile>>>

describe('golden Dockerfiles', () => {
  test.each(readdirSync(root).sort())('%s', async (name) => {
    const { kind, text } = outcomeOf(join(root, name))
    await expect(text).toMatchFileSnapshot(join(root, name, kind))
    expect(existsSync(join(root, name, kind === 'plan.json' ? 'error.txt' : 'plan.json'))).toBe(false)
  })
})

function outcomeOf(folder: string): { kind: 'plan.json' | 'error.txt'; text: string } {
  const text = readFileSync(join(folder, 'Dockerfile'), 'utf8')
  try {
    const plan = planOf(folder, text)
    return { kind: 'plan.json', text: `${JSON.stringify(summaryOf(plan), undefined, 2)}\n` }
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return {
      kind: 'error.txt',
      text: failuresOf(error)
        .map((failure) => renderError(failure, text))
        .join('\n'),
    }
  }
}

function planOf(folder: string, text: string): BuildPlan {
  const options = planOptions(folder)
  const known = readJson(join(folder, 'answers.json')) as CaseAnswers
  const { times = {} } = readJson(join(folder, 'options.json')) as CaseOptions
  const dockerfile = parseDockerfile(text, 'Dockerfile', { syntax: options.buildArgs.get('BUILDKIT_SYNTAX') })
  const answers = new Map<string, Answer>()
  for (let round = 0; round < 5; round++) {
    const result = planBuild(dockerfile, options, answers)
    if (result.kind === 'plan') return result.plan
    for (const question of result.questions) answers.set(questionKey(question), answerTo(question, known, times))
  }
  throw new Error('planBuild() keeps asking')
}

function planOptions(folder: string): PlanOptions {
  const options = readJson(join(folder, 'options.json')) as CaseOptions
  const ignore = join(folder, '.dockerignore')
  return {
    buildArgs: new Map(Object.entries(options.buildArgs ?? {})),
    target: options.target,
    targetPlatform: parsePlatform(options.platform ?? 'linux/amd64'),
    buildPlatform: parsePlatform(options.buildPlatform ?? 'linux/amd64'),
    labels: new Map(Object.entries(options.labels ?? {})),
    network: options.network ?? 'default',
    noCache: options.noCache ?? false,
    namedContexts: new Map(Object.entries(options.contexts ?? {})),
    ignore: new Map(
      existsSync(ignore) ? [['context', { text: readFileSync(ignore, 'utf8'), file: '.dockerignore' }]] : [],
    ),
    extraHosts: Object.entries(options.hosts ?? {}).map(([host, address]) => ({ host, address })),
    limits: { shmSizeBytes: undefined, ulimits: [], cgroupParent: undefined, ...options.limits },
    entitlements: new Set(options.allow),
    multiPlatform: options.multiPlatform ?? false,
  }
}

function answerTo(question: Question, known: CaseAnswers, times: Readonly<Record<string, number>>): Answer {
  switch (question.kind) {
    case 'image':
      return imageAnswer(question, known)
    case 'git':
      return {
        kind: 'git',
        commit: question.git.commit?.padEnd(40, '0') ?? '1234567890'.repeat(4),
        name: question.git.reference,
      }
    case 'http':
      return { kind: 'http', digest: question.checksum ?? digestOf(question.url), mtimeSeconds: 1234 }
    case 'time':
      return {
        kind: 'time',
        seconds: question.of.kind === 'context' ? times[question.of.name] : timeOf[question.of.kind],
      }
    default:
      return question satisfies never
  }
}

/** An image of one layer, but for what the case says of it. */
function imageAnswer({ reference, platform }: ImageQuestion, known: CaseAnswers): Answer {
  const { os, architecture, variant } = platform
  const file: ImageFile = {
    os,
    architecture,
    variant,
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(`layer of ${reference}`)] },
    history: [{ created_by: `base ${reference}` }],
    ...known[reference],
  }
  return { kind: 'image', digest: digestOf(reference), platform, file }
}

function summaryOf(plan: BuildPlan): unknown {
  const vertices = [...plan.graph.vertices.values()]
  const numbers = new Map(vertices.map(({ id }, index) => [id, index]))
  const { platform, author, created, config, history } = plan.image
  return {
    vertices: vertices.map((vertex, index) => summaryOfVertex(vertex, index, numbers)),
    target: numbers.get(plan.target),
    platform: platform.os === 'linux' && platform.architecture === 'amd64' ? undefined : platform,
    author,
    created,
    config: { ...config, Env: config.Env?.filter((entry) => !isDefaultPath(entry)) },
    history: history.map(({ created_by, comment, empty_layer }) => {
      const mark = (comment === undefined ? 'base' : '') + (empty_layer === true ? 'empty' : '')
      return mark === '' ? created_by : { [mark]: created_by }
    }),
    warnings: plan.warnings.map(({ rule, message, source }) => `${at(source)}: ${rule ?? ''}: ${message}`),
    unusedBuildArgs: plan.unusedBuildArgs.length === 0 ? undefined : plan.unusedBuildArgs,
  }
}

function summaryOfVertex(vertex: Vertex, index: number, numbers: ReadonlyMap<string, number>): unknown {
  return {
    [`${index}`]: `${vertex.name}${vertex.ignoreCache ? ' (no cache)' : ''}`,
    step: vertex.step === vertex.name ? undefined : vertex.step,
    at: vertex.source === undefined ? undefined : at(vertex.source),
    inputs: vertex.inputs.length === 0 ? undefined : vertex.inputs.map((id) => numbers.get(id)),
    ...summaryOfOp(vertex.op),
  }
}

/** What is not as it mostly is. */
function summaryOfOp(op: Op): object {
  switch (op.type) {
    case 'scratch':
    case 'merge':
      return {}
    case 'context':
      return { type: op.type, name: op.name, ignore: op.ignore }
    case 'image':
      return { platform: `${op.platform.os}/${op.platform.architecture}`, reference: op.unkeyed.reference }
    case 'run': {
      const {
        argv,
        cwd,
        env,
        unkeyed,
        network,
        security,
        hostname,
        user,
        mounts,
        secretVariables,
        devices,
        extraHosts,
        limits,
      } = op
      return {
        argv,
        cwd,
        env: env.map(({ name, value }) => `${name}=${value}`).filter((entry) => !isDefaultPath(entry)),
        ...(user === '' ? {} : { user }),
        ...(mounts.length === 0 ? {} : { mounts }),
        ...(secretVariables.length === 0 ? {} : { secretVariables }),
        ...(devices.length === 0 ? {} : { devices }),
        ...(network === 'default' ? {} : { network }),
        ...(security === 'sandbox' ? {} : { security }),
        ...(hostname === 'buildkitsandbox' ? {} : { hostname }),
        ...(extraHosts.length === 0 ? {} : { extraHosts, extraHostAddresses: unkeyed.extraHostAddresses }),
        ...(Object.values(limits)
          .flat()
          .every((value) => value === undefined)
          ? {}
          : { limits }),
        ...(unkeyed.cacheNamespace === '' ? {} : { cacheNamespace: unkeyed.cacheNamespace }),
        ...(unkeyed.proxyEnv.length === 0 ? {} : { proxyEnv: unkeyed.proxyEnv }),
      }
    }
    case 'files':
      return {
        actions: op.actions.map((action) => {
          if (action.action !== 'copy') return action
          const { wildcards, unpack, excludes, parents, ...rest } = action
          return {
            ...rest,
            ...(wildcards ? {} : { wildcards }),
            ...(unpack === 'never' ? {} : { unpack }),
            ...(excludes.length === 0 ? {} : { excludes }),
            ...(parents ? { parents } : {}),
          }
        }),
      }
    default:
      return op
  }
}

function isDefaultPath(entry: string): boolean {
  return entry === 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

function at(source: Vertex['source']): string {
  return source === undefined
    ? ''
    : `${source.start.line}:${source.start.column}-${source.end.line}:${source.end.column}`
}

/** The failure with the first line that it is about, underlined as far as it goes. */
function renderError({ code, message, hint, source }: BuildError, text: string): string {
  const lines = [`${source === undefined ? '' : `${formatPosition(source)}: `}${code}: ${message}`]
  if (source?.file === 'Dockerfile') {
    const { start, end } = source
    const line = text.replace(/^\ufeff/, '').split('\n')[start.line - 1] ?? ''
    const last = end.line === start.line ? end.column : line.length + 1
    lines.push(`  ${line}`, `  ${' '.repeat(start.column - 1)}${'^'.repeat(Math.max(1, last - start.column))}`)
    if (end.line !== start.line) lines.push(`  to ${end.line}:${end.column}`)
  }
  if (hint !== undefined) lines.push(`  ${hint}`)
  return `${lines.join('\n')}\n`
}

function readJson(path: string): unknown {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
}
