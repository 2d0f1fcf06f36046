import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { BuildError, failuresOf } from '../../core/errors.ts'
import { vertexOf } from '../../core/graph.ts'
import type { ImageConfig } from '../../core/image.ts'
import {
  parseDockerfile,
  planBuild,
  questionKey,
  type BuildPlan,
  type ImageAnswer,
  type Question,
  type PlanOptions,
} from '../index.ts'
import { plainPlan } from '../../test/support/plan-options.ts'

function answer(question: Question, config: ImageConfig = {}): [string, ImageAnswer] {
  if (question.kind !== 'image') throw new Error(`nobody asks for ${question.kind}`)
  const { platform } = question
  const rootfs = { type: 'layers' as const, diff_ids: [digestOf('layer')] }
  const file = { os: platform.os, architecture: platform.architecture, config, rootfs, history: [] }
  return [questionKey(question), { kind: 'image', digest: digestOf(question.reference), platform, file }]
}

function ask(text: string, options: Partial<PlanOptions> = {}, answers: ReadonlyMap<string, ImageAnswer> = new Map()) {
  return planBuild(parseDockerfile(text, 'Dockerfile'), { ...plainPlan, ...options }, answers)
}

function plan(text: string, options: Partial<PlanOptions> = {}): BuildPlan {
  const answers = new Map<string, ImageAnswer>()
  for (;;) {
    const result = ask(text, options, answers)
    if (result.kind === 'plan') return result.plan
    for (const question of result.questions) answers.set(...answer(question))
  }
}

function references(result: ReturnType<typeof ask>): readonly string[] {
  return result.kind === 'plan'
    ? []
    : result.questions.map((question) => (question.kind === 'image' ? question.reference : question.kind))
}

test('only images that the target needs are asked for, in the order of the file, each once', () => {
  const text = `FROM debian AS unused
FROM busybox AS tools
FROM alpine
COPY --from=tools /a /a
COPY --from=docker.io/library/nginx /b /b
COPY --from=nginx:latest /c /c
RUN --mount=from=curl,target=/x x
`
  expect(references(ask(text))).toEqual([
    'docker.io/library/busybox:latest',
    'docker.io/library/alpine:latest',
    'docker.io/library/nginx:latest',
    'docker.io/library/curl:latest',
  ])
  expect(references(ask(text, { target: 'unused' }))).toEqual(['docker.io/library/debian:latest'])
})

test('the same image for two platforms is two questions', () => {
  const result = ask('FROM --platform=linux/arm64 busybox AS a\nFROM busybox\nCOPY --from=a /x /x')
  expect(result.kind === 'questions' && result.questions.map(questionKey)).toEqual([
    'image docker.io/library/busybox:latest linux/arm64',
    'image docker.io/library/busybox:latest linux/amd64',
  ])
})

test('triggers of a base may need more images, and are asked for once the base is known', () => {
  const text = 'FROM lang\nRUN x'
  const first = ask(text)
  expect(references(first)).toEqual(['docker.io/library/lang:latest'])
  const base = first.kind === 'questions' ? first.questions[0]! : expect.unreachable()
  const answers = new Map([answer(base, { OnBuild: ['COPY --from=tool /t /t'] })])
  expect(references(ask(text, {}, answers))).toEqual(['docker.io/library/tool:latest'])
})

test('an answer pins the image by its digest', () => {
  const { graph, target } = plan('FROM busybox')
  expect(vertexOf(graph, target).op).toMatchObject({
    type: 'image',
    digest: digestOf('docker.io/library/busybox:latest'),
  })
})

test('what is wrong in a stage that nobody needs does not matter, once it can be read', () => {
  expect(
    plan('FROM scratch AS bad\nUSER ${x?}\nCOPY --from=later a b\nFROM scratch AS later').graph.vertices.size,
  ).toBe(1)
})

test('all that is wrong in the needed stages is reported at once', () => {
  const text = 'FROM scratch AS a\nUSER ${x?}\nFROM a\nEXPOSE x\nSTOPSIGNAL x'
  expect(failures(() => ask(text)).map(({ source }) => source?.start.line)).toEqual([2, 4, 5])
})

test('equal steps of two stages are one vertex', () => {
  const text =
    'FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\nFROM scratch\nCOPY --from=a / /a\nCOPY --from=b / /b'
  const runs = [...plan(text).graph.vertices.values()].filter(({ op }) => op.type === 'run')
  expect(runs.map(({ name }) => name)).toEqual(['[a 2/2] RUN x'])
})

test('comments, the case of keywords and the breaking of lines change no vertex', () => {
  const ids = (text: string) => [...plan(text).graph.vertices.keys()]
  const one = ids('FROM busybox\nRUN echo a b\nCOPY a b /c/\n')
  const other = ids('# hello\nfrom busybox\nrun echo \\\n# hi\na b\nCOPY a   b \\\n   /c/')
  expect(other).toEqual(one)
})

test('proxies change no vertex, other ARGs in scope do', () => {
  const text = 'FROM busybox\nARG v\nRUN x'
  const target = (buildArgs: Readonly<Record<string, string>>) =>
    plan(text, { buildArgs: new Map(Object.entries(buildArgs)) }).target
  expect(target({ http_proxy: 'http://p' })).toBe(target({}))
  expect(target({ v: '1' })).not.toBe(target({}))
})

test('a step keeps its label when its text changes', () => {
  const steps = (text: string) => [...plan(text).graph.vertices.values()].map(({ step }) => step)
  expect(steps('FROM busybox AS b\nRUN one\nCOPY a /a')).toEqual(steps('FROM busybox AS b\nRUN two\nCOPY c /a'))
})

test('an ignore file goes with its own context', () => {
  const ignore = new Map([
    ['context', { text: '*.md', file: '.dockerignore' }],
    ['docs', { text: 'tmp\n', file: 'docs/.dockerignore' }],
  ])
  const namedContexts = new Map([['docs', 'files' as const]])
  const { graph } = plan('FROM scratch\nCOPY . /\nCOPY --from=docs . /', { ignore, namedContexts })
  const contexts = [...graph.vertices.values()].flatMap(({ op }) => (op.type === 'context' ? [op] : []))
  expect(contexts.map(({ name, ignore }) => [name, ignore])).toEqual([
    ['context', ['*.md']],
    ['docs', ['tmp']],
  ])
})

test('a context named after an image stands in for it, and may be an image itself', () => {
  const namedContexts = new Map([['alpine', 'image' as const]])
  expect(references(ask('FROM alpine:latest', { namedContexts }))).toEqual(['alpine'])
  expect(references(ask('FROM alpine:3', { namedContexts }))).toEqual(['docker.io/library/alpine:3'])
})

test('a build arg may override the check directive', () => {
  const buildArgs = new Map([['BUILDKIT_DOCKERFILE_CHECK', 'error=true']])
  expect(failures(() => ask('FROM scratch\nENV a b', { buildArgs })).map(({ code }) => code)).toEqual(['CHECK_FAILED'])
})

function failures(work: () => unknown): readonly BuildError[] {
  try {
    work()
  } catch (error) {
    if (error instanceof BuildError) return failuresOf(error)
    throw error
  }
  throw new Error('nothing was thrown')
}
