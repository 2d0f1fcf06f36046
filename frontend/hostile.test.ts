import { expect, test } from 'vitest'
import { BuildError } from '../core/errors.ts'
import { goMatcher } from '../core/patterns/go-match.ts'
import { IgnoreMatcher } from '../core/patterns/ignore-matcher.ts'
import { parseDockerfile, planBuild, type BuildPlan } from './index.ts'
import { plainPlan } from '../test/support/plan-options.ts'

// What somebody would write who wants to stop a machine: each of these once took minutes, all the memory, or all the stack.

function plan(text: string): BuildPlan {
  const result = planBuild(parseDockerfile(`FROM scratch\n${text}\n`, 'Dockerfile'), plainPlan, new Map())
  if (result.kind === 'plan') return result.plan
  throw new Error('nothing is to be asked here')
}

function failure(text: string): string {
  try {
    plan(text)
  } catch (error) {
    if (error instanceof BuildError) return `${error.source?.start.line}: ${error.code}: ${error.message}`
    throw error
  }
  return 'none'
}

const manyStars = `${'*a'.repeat(40)}*b`
const manyLetters = 'a'.repeat(200)

test('substitutions nested without end are an error', () => {
  const nested = `${'${a:-'.repeat(50_000)}${'}'.repeat(50_000)}`
  expect(failure(`ENV x="${nested}"`)).toMatch(/^2: VARIABLE_INVALID: .*nested/)
})

test('a line of braces and quotes without end announces no heredoc', () => {
  expect(failure(`RUN cat <<E ${'"${'.repeat(50_000)}`)).toBe('none')
})

test('brackets without end are a line for the shell', () => {
  expect(failure(`RUN ${'['.repeat(200_000)}`)).toBe('none')
})

test('variables that double each other are an error before they fill the memory', () => {
  const doubled = Array.from({ length: 60 }, (_, index) => `ENV v${index + 1}=$v${index}$v${index}`)
  expect(failure(['ENV v0=0123456789', ...doubled].join('\n'))).toMatch(/VARIABLE_INVALID: Variables bring more than/)
})

test('a replacement that makes much of little is an error', () => {
  const long = 'x'.repeat(1_000_000)
  expect(failure(`ENV a=${long} b=${long}\nENV c=\${a//x/$b}`)).toMatch(/VARIABLE_INVALID: Variables bring more than/)
})

test.each(['#', '##', '%', '%%'])('a pattern of many stars behind %s is tried once', (operator) => {
  expect(plan(`ENV v=${manyLetters}\nENV w=\${v${operator}${manyStars}}`).image.config.Env).toContain(
    `w=${manyLetters}`,
  )
})

test('a pattern of many stars is replaced once', () => {
  expect(plan(`ENV v=${manyLetters}\nENV w=\${v//${manyStars}/x}`).image.config.Env).toContain(`w=${manyLetters}`)
})

test('a file pattern of many stars is tried once', () => {
  expect(goMatcher(manyStars)(manyLetters)).toBe(false)
  expect(goMatcher(manyStars)(`${manyLetters}b`)).toBe(true)
})

test('a line of many stars in an ignore file is tried once', () => {
  const matcher = new IgnoreMatcher([manyStars, `${'**/a'.repeat(30)}/b`])
  expect(matcher.ignores(manyLetters)).toBe(false)
  expect(matcher.ignores(`${manyLetters}b`)).toBe(true)
  expect(matcher.ignores('a/'.repeat(60) + 'c')).toBe(false)
  expect(matcher.ignores('a/'.repeat(60) + 'b')).toBe(true)
})

test('EXPOSE of all ports over and over is an error', () => {
  expect(failure(`EXPOSE${' 0-65535'.repeat(1000)}`)).toMatch(/INSTRUCTION_INVALID: EXPOSE cannot list more than/)
  expect(failure('EXPOSE 0-65535/tcp 0-65535/udp 0-65535/sctp')).toBe('none')
})

test('very many instructions, words, continued lines and stages are only many', () => {
  expect(failure('ENV a=b\n'.repeat(5000))).toBe('none')
  expect(failure(`LABEL ${'a=b '.repeat(20_000)}`)).toBe('none')
  expect(failure(`COPY ${'a '.repeat(20_000)}/x/`)).toBe('none')
  expect(failure(`RUN a${' \\\n b'.repeat(20_000)}`)).toBe('none')
  expect(failure(Array.from({ length: 500 }, (_, index) => `FROM scratch AS s${index}\nENV a=b`).join('\n'))).toBe(
    'none',
  )
})

const blanks = ' '.repeat(500_000)

test.each<[what: string, text: string]>([
  ['a word and a word', `RUN a${blanks}b`],
  ['a comment', `# a${blanks}b`],
  ['a check', `# check=skip=all${blanks}b\nENV a b`],
  ['a variable and its value', `ENV a${blanks}b${blanks}c`],
  ['an escape and what follows', `RUN a \\${blanks}x`],
  ['the words of a list', `CMD ["a"${blanks},"b"]${blanks}`],
  ['a type and its command', `HEALTHCHECK CMD${blanks}x`],
  ['the parts of a FROM', `FROM scratch${blanks}AS${blanks}x`],
])('any number of blanks may stand within %s', (_, text) => {
  expect(failure(text)).toBe('none')
})

test('any number of blanks may stand in directives, and of carriage returns in lines', () => {
  expect(parseDockerfile(`# escape=\\${blanks}\nFROM scratch`, 'Dockerfile').escape).toBe('\\')
  expect(parseDockerfile(`# x=y${blanks}z\nFROM scratch`, 'Dockerfile').directives.size).toBe(0)
  expect(failure(`RUN a${'\r'.repeat(500_000)}b`)).toBe('none')
})

test('a duration of any number of digits is none, and a long word is like no other', () => {
  expect(failure(`HEALTHCHECK --interval=${'1'.repeat(500_000)}x CMD a`)).toContain('Invalid duration')
  expect(failure(`${'Q'.repeat(500_000)} x`)).toContain('INSTRUCTION_UNKNOWN')
  expect(failure(`ENV ${'Q'.repeat(500_000)}=1\nUSER $${'W'.repeat(500_000)}`)).toBe('none')
})
