import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../core/digest.ts'
import { BuildError, failuresOf } from '../core/errors.ts'
import { parseDockerfile, planBuild, questionKey, type Answer, type PlanOptions } from './index.ts'

// STAVE_FUZZ_RUNS=100000 makes a long run of it.
const numRuns = Number(process.env['STAVE_FUZZ_RUNS'] ?? 700)

const options: PlanOptions = {
  buildArgs: new Map([['b', 'given']]),
  target: undefined,
  targetPlatform: { os: 'linux', architecture: 'amd64' },
  buildPlatform: { os: 'linux', architecture: 'arm64' },
  labels: new Map(),
  network: 'default',
  noCache: false,
  namedContexts: new Map(),
  ignore: new Map(),
  extraHosts: [],
  limits: { shmSizeBytes: undefined, ulimits: [] },
  entitlements: new Set(),
  multiPlatform: false,
}

const keywords = fc.constantFrom(
  ...['FROM', 'RUN', 'COPY', 'ADD', 'ARG', 'ENV', 'LABEL', 'CMD', 'ENTRYPOINT', 'EXPOSE', 'VOLUME', 'USER', 'WORKDIR'],
  ...['SHELL', 'HEALTHCHECK', 'ONBUILD', 'STOPSIGNAL', 'MAINTAINER', 'from', '#', '# escape=`', '', 'FOO'],
)
const word = fc.constantFrom(
  ...[
    'a',
    'b=$a',
    '$b',
    '${a:-x}',
    '${',
    '}',
    '"',
    "'",
    '\\',
    '`',
    '\\\n',
    '\n',
    '\r\n',
    '--from=0',
    '--from=a',
    'AS',
    'a',
  ],
  ...[
    '--mount=type=bind,target=/x',
    '--mount=from=a,"',
    '--chown=1:1',
    '--link',
    '--',
    '<<E',
    '<<-"E"',
    '\nE\n',
    '[',
    ']',
  ],
  ...[
    '["a", "b"]',
    '[1]',
    ',',
    '80/tcp',
    'NONE',
    'CMD',
    '--interval=1s',
    'scratch',
    'é',
    '\t',
    '\ufeff',
    '\u0085',
    '=x',
  ],
)
const line = fc
  .tuple(keywords, fc.array(word, { maxLength: 6 }))
  .map(([keyword, words]) => [keyword, ...words].join(' '))
const dockerfile = fc.array(line, { maxLength: 8 }).map((lines) => `FROM scratch AS a\n${lines.join('\n')}`)

/** Plans the text, answering whatever is asked. */
function build(text: string): void {
  const parsed = parseDockerfile(text, 'Dockerfile')
  const answers = new Map<string, Answer>()
  for (let round = 0; round < 4; round++) {
    const result = planBuild(parsed, options, answers)
    if (result.kind === 'plan') return
    for (const question of result.questions) {
      if (question.kind === 'git')
        answers.set(questionKey(question), { kind: 'git', commit: 'a'.repeat(40), name: undefined })
      if (question.kind === 'http')
        answers.set(questionKey(question), { kind: 'http', digest: digestOf('x'), mtimeSeconds: 0 })
      if (question.kind !== 'image') continue
      const file = { ...question.platform, config: {}, rootfs: { type: 'layers' as const, diff_ids: [] }, history: [] }
      answers.set(questionKey(question), { kind: 'image', digest: digestOf('x'), platform: question.platform, file })
    }
  }
}

function checkFailures(text: string): void {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  try {
    build(text)
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    for (const { source } of failuresOf(error)) {
      if (source === undefined) continue
      for (const { line, column } of [source.start, source.end]) {
        expect(line).toBeGreaterThanOrEqual(1)
        expect(column).toBeGreaterThanOrEqual(1)
        expect(line).toBeLessThanOrEqual(lines.length)
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1)
      }
      const { start, end } = source
      expect(start.line < end.line || (start.line === end.line && start.column <= end.column)).toBe(true)
    }
  }
}

describe('whatever the Dockerfile', () => {
  test('nothing is thrown but BuildErrors placed within the text', () => {
    fc.assert(fc.property(dockerfile, checkFailures), { numRuns })
  })

  test('nor for text of any kind', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), checkFailures), { numRuns })
  })
})
