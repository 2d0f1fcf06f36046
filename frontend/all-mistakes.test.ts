import { expect, test } from 'vitest'
import { allMistakes, readDockerfile } from './index.ts'
import { plainPlan } from '../test/support/plan-options.ts'

/** Line and code of each. */
function mistakes(text: string): readonly string[] {
  return allMistakes(readDockerfile(text, 'Dockerfile'), plainPlan).map(
    ({ source, code }) => `${source?.start.line ?? 0} ${code}`,
  )
}

test('mistakes that only a plan comes upon are told beside those of spelling, in the order of the file', () => {
  const text = 'FROM base\nRUN --mount=typ=cache,target=/x true\nCOPPY a b\nCOPY --chmod=9 a /\nENV a\n'
  expect(mistakes(text)).toEqual([
    '2 INSTRUCTION_INVALID',
    '3 INSTRUCTION_UNKNOWN',
    '4 INSTRUCTION_INVALID',
    '5 INSTRUCTION_INVALID',
  ])
})

test('those of all stages that the target needs', () => {
  expect(mistakes('FROM base AS a\nSTOPSIGNAL FOO\nFROM a\nCOPPY\nEXPOSE x\n')).toEqual([
    '2 INSTRUCTION_INVALID',
    '4 INSTRUCTION_UNKNOWN',
    '5 INSTRUCTION_INVALID',
  ])
})

test('a stage that cannot be read is not told twice, as one that is missing', () => {
  expect(mistakes('FROM base as a b\nFROM base\nCOPY --from=a / /\n')).toEqual(['1 INSTRUCTION_INVALID'])
  expect(mistakes('FORM base AS a\nFROM base\nCOPY --from=a / /\nCOPY --chmod=9 a /\n')).toEqual([
    '1 INSTRUCTION_UNKNOWN',
  ])
})

test('what lies outside need not be known', () => {
  expect(mistakes('FROM base\nADD https://example.invalid/a.git#v1 /\nCOPPY\nWORKDIR\nCOPY --chmod=9 a /\n')).toEqual([
    '3 INSTRUCTION_UNKNOWN',
    '4 INSTRUCTION_INVALID',
    '5 INSTRUCTION_INVALID',
  ])
})
