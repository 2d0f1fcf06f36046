import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../core/digest.ts'
import { BuildError, failuresOf } from '../core/errors.ts'
import type { SourceRange } from '../core/source-range.ts'
import { parseDockerfile, planBuild, questionKey, type Answer, type PlanOptions } from './index.ts'
import '../test/support/fixed-seed.ts'
import { plainPlan } from '../test/support/plan-options.ts'

// `npm run test:fuzz` makes a long run of it.
const numRuns = Number(process.env['STAVE_FUZZ_RUNS'] ?? 1000)
const timeout = 600_000
/** Of the processor, so that what else the machine does has no part in it. */
const mostSeconds = 1

const options: PlanOptions = {
  ...plainPlan,
  buildArgs: new Map([['b', 'given']]),
  buildPlatform: { os: 'linux', architecture: 'arm64' },
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

/** Plans the text, answering whatever is asked. @returns the places that are told besides those of failures */
function build(text: string): readonly (SourceRange | undefined)[] {
  const parsed = parseDockerfile(text, 'Dockerfile')
  const answers = new Map<string, Answer>()
  for (let round = 0; round < 4; round++) {
    const result = planBuild(parsed, options, answers)
    if (result.kind === 'plan') {
      const { warnings, graph } = result.plan
      return [...warnings, ...graph.vertices.values()].map(({ source }) => source)
    }
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
  return []
}

function checkText(text: string): void {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  const before = process.cpuUsage()
  for (const source of placesIn(text)) if (source !== undefined) checkPlace(source, lines)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1e6).toBeLessThan(mostSeconds)
}

function placesIn(text: string): readonly (SourceRange | undefined)[] {
  try {
    return build(text)
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return failuresOf(error).map(({ source }) => source)
  }
}

function checkPlace({ start, end }: SourceRange, lines: readonly string[]): void {
  for (const { line, column } of [start, end]) {
    const isInside = line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1] ?? '').length + 1
    if (!isInside) expect.unreachable(`${line}:${column} is outside of the text`)
  }
  expect(start.line < end.line || (start.line === end.line && start.column <= end.column)).toBe(true)
}

/** Dockerfiles that mean something, with a few stretches taken out, doubled, or replaced. */
const folder = fileURLToPath(new URL('../fixtures/dockerfiles', import.meta.url))
const known = readdirSync(folder).map((name) => readFileSync(join(folder, name, 'Dockerfile'), 'utf8'))
const change = fc.record({ at: fc.nat(2000), length: fc.nat(8), by: fc.oneof(word, fc.constant(''), fc.constant('=')) })
const damaged = fc
  .tuple(fc.constantFrom(...known), fc.array(change, { minLength: 1, maxLength: 4 }))
  .map(([text, changes]) =>
    changes.reduce((changed, { at, length, by }) => {
      const start = at % (changed.length + 1)
      return changed.slice(0, start) + by + changed.slice(start + length)
    }, text),
  )

describe('whatever the Dockerfile', () => {
  test('nothing is thrown but BuildErrors, all places are within the text, and nothing takes long', { timeout }, () => {
    fc.assert(fc.property(dockerfile, checkText), { numRuns })
  })

  test('nor for text of any kind', { timeout }, () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), checkText), { numRuns })
  })

  test('nor for Dockerfiles that were damaged', { timeout }, () => {
    fc.assert(fc.property(damaged, checkText), { numRuns })
  })
})
