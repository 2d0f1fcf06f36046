import { describe, expect, test } from 'vitest'
import {
  checkBuild,
  listTargets,
  outlineBuild,
  parseDockerfile,
  questionKey,
  unknownAnswer,
  type Answer,
  type Findings,
  type Outline,
  type PlanOptions,
} from '../index.ts'
import { plainPlan } from '../../test/support/plan-options.ts'

/** Nothing is known of any image. */
function check(text: string, options: Partial<PlanOptions> = {}): Findings {
  const answers = new Map<string, Answer>()
  for (;;) {
    const result = checkBuild(parseDockerfile(text, 'Dockerfile'), { ...plainPlan, ...options }, answers)
    if (result.kind === 'findings') return result.findings
    for (const question of result.questions) answers.set(questionKey(question), unknownAnswer(question))
  }
}

function outline(text: string, options: Partial<PlanOptions> = {}): Outline {
  const answers = new Map<string, Answer>()
  for (;;) {
    const result = outlineBuild(parseDockerfile(text, 'Dockerfile'), { ...plainPlan, ...options }, answers)
    if (result.kind === 'outline') return result.outline
    for (const question of result.questions) answers.set(questionKey(question), unknownAnswer(question))
  }
}

const rulesOf = ({ warnings }: Findings): readonly (string | undefined)[] => warnings.map(({ rule }) => rule)
const codesOf = ({ errors }: Findings): readonly string[] => errors.map(({ code }) => code)

describe('checkBuild()', () => {
  const text = 'FROM scratch AS a\nENV a b\nFROM scratch AS b\nENV c d\n'

  test('looks at every stage, needed or not', () => {
    expect(check(text).warnings.map(({ source }) => source?.start.line)).toEqual([2, 4])
  })

  test('looks at the target alone where one is named', () => {
    expect(check(text, { target: 'a' }).warnings.map(({ source }) => source?.start.line)).toEqual([2])
  })

  test('gives warnings beside errors', () => {
    const findings = check('FROM scratch\nENV a b\nEXPOSE x\nSTOPSIGNAL y\n')
    expect([rulesOf(findings), codesOf(findings)]).toEqual([
      ['LegacyKeyValueFormat'],
      ['INSTRUCTION_INVALID', 'INSTRUCTION_INVALID'],
    ])
  })

  test('with error=true gives an error too', () => {
    const findings = check('# check=error=true\nFROM scratch\nENV a b\n')
    expect([rulesOf(findings), codesOf(findings)]).toEqual([['LegacyKeyValueFormat'], ['CHECK_FAILED']])
  })

  test('gives an error for a directive that it cannot read', () => {
    expect(codesOf(check('# check=nonsense\nFROM scratch\n'))).toEqual(['DOCKERFILE_SYNTAX'])
  })

  test('leaves out variables that a base which cannot be looked at may have set, in stages that start with it too', () => {
    const findings = check('FROM lang AS a\nUSER $HOME_OF_LANG\nFROM a\nUSER $x\nFROM scratch\nUSER $y\n')
    expect(findings.warnings.map(({ rule, source }) => [rule, source?.start.line])).toEqual([['UndefinedVar', 6]])
  })

  test('needs no permission for what is not carried out', () => {
    expect(check('FROM lang\nRUN --security=insecure --network=host x\n').errors).toEqual([])
  })

  test('asks no server for what is only fetched', () => {
    expect(check('FROM scratch\nADD https://example.com/x https://example.com/y.git /z/\n').errors).toEqual([])
  })
})

describe('listTargets()', () => {
  test('tells each stage, what the comment above says of it, and which is built', () => {
    const text = `ARG V=1
# base what all start with
FROM --platform=$BUILDPLATFORM alpine:$V AS Base
# not about it
FROM base AS test

# app the program
FROM base AS app
`
    const targets = listTargets(parseDockerfile(text, 'Dockerfile'))
    expect(targets.map(({ source: _, ...target }) => target)).toEqual([
      {
        name: 'base',
        description: 'what all start with',
        isDefault: false,
        base: 'alpine:$V',
        platform: '$BUILDPLATFORM',
      },
      { name: 'test', description: undefined, isDefault: false, base: 'base', platform: undefined },
      { name: 'app', description: 'the program', isDefault: true, base: 'base', platform: undefined },
    ])
    expect(targets[0]?.source.start).toEqual({ line: 3, column: 1 })
  })
})

describe('outlineBuild()', () => {
  const text = `# VERSION of the language
ARG VERSION=1
ARG SUFFIX=-slim
ARG BASE=lang:\${VERSION}\${SUFFIX}
ARG UNUSED
FROM $BASE AS build
# TAGS for the compiler
ARG TAGS VERSION
RUN --mount=type=secret,id=token,required --mount=type=ssh build
FROM scratch AS other
ARG NOT_NEEDED
# app the program
FROM scratch AS app
ARG MODE=fast
COPY --from=build /app /app
RUN --mount=type=secret,target=/run/secrets/token --mount=type=secret,id=extra x
`

  test('tells name and description of the target', () => {
    expect(outline(text)).toMatchObject({ name: 'app', description: 'the program' })
    expect(outline(text, { target: 'build' })).toMatchObject({ name: 'build', description: undefined })
  })

  test('tells the arguments that the target and what it is made from use, global ones included', () => {
    const buildArgs = new Map([['SUFFIX', '-full']])
    expect(outline(text, { buildArgs }).args.map(({ name, value }) => [name, value])).toEqual([
      ['VERSION', '1'],
      ['SUFFIX', '-full'],
      ['BASE', 'lang:1-full'],
      ['TAGS', undefined],
      ['MODE', 'fast'],
    ])
  })

  test('tells what the comments above arguments say of them', () => {
    const described = outline(text).args.filter(({ description }) => description !== undefined)
    expect(described.map(({ name, description }) => [name, description])).toEqual([
      ['VERSION', 'of the language'],
      ['TAGS', 'for the compiler'],
    ])
  })

  test('tells secrets and agents, each once, and whether a step needs them', () => {
    const { secrets, ssh } = outline(text)
    expect(secrets.map(({ name, isRequired }) => [name, isRequired])).toEqual([
      ['token', true],
      ['extra', false],
    ])
    expect(ssh.map(({ name, isRequired }) => [name, isRequired])).toEqual([['default', false]])
  })

  test('does not mind mistakes in the stages, but those that keep them from being looked at', () => {
    expect(outline('FROM scratch\nARG a=1\nEXPOSE x\n').args).toHaveLength(1)
    expect(() => outline('FROM scratch\nCOPY --from=0 a b\n')).toThrow('Circular')
  })
})
