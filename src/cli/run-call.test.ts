import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../../test/support/base-image.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { main } from './main.ts'

interface Called {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Something was written to the store's place. */
  readonly wroteStore: boolean
}

async function call(dockerfile: string, ...args: readonly string[]): Promise<Called> {
  const folder = temporaryFolder()
  const [context, home] = [join(folder, 'context'), join(folder, 'store')]
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), dockerfile)
  return run(home, ['build', ...args, context], '')
}

async function run(home: string, argv: readonly string[], input: string | Uint8Array): Promise<Called> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const stdin = Readable.from([Buffer.from(input)])
  const signal = new AbortController().signal
  const terminal = { stdin, stdout, stderr, env: { STAVE_HOME: home }, architecture: 'x64', uid: 0, signal }
  const code = await main(argv, terminal)
  const textOf = (stream: PassThrough): string => String(stream.read() ?? '')
  return { code, stdout: textOf(stdout), stderr: textOf(stderr), wroteStore: existsSync(home) }
}

const mistaken = `# syntax=docker/dockerfile:1
FROM scratch AS base

# the old form
ENV greeting hello

FROM base
CMD echo $greeting
`

describe('--check', () => {
  test('prints what docker buildx prints, and fails: 1', async () => {
    expect(await call(mistaken, '--check')).toEqual({
      code: 1,
      stdout: `Check complete, 2 warnings have been found!

WARNING: LegacyKeyValueFormat - https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/
"ENV key=value" should be used instead of legacy "ENV key value" format
Dockerfile:5
--------------------
   3 |    ${' '}
   4 |     # the old form
   5 | >>> ENV greeting hello
   6 |    ${' '}
   7 |     FROM base
--------------------

WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/
JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
Dockerfile:8
--------------------
   6 |    ${' '}
   7 |     FROM base
   8 | >>> CMD echo $greeting
   9 |    ${' '}
--------------------
`,
      stderr: '',
      wroteStore: false,
    })
  })

  test('of a file without mistakes says so: 0', async () => {
    expect(await call('FROM scratch\nLABEL a=b\n', '--check')).toEqual({
      code: 0,
      stdout: 'Check complete, no warnings found.\n',
      stderr: '',
      wroteStore: false,
    })
  })

  test('tells a single warning as one', async () => {
    const { stdout } = await call('FROM scratch\nENV a b\n', '--check')
    expect(stdout.split('\n')[0]).toBe('Check complete, 1 warning has been found!')
  })

  test('tells what keeps the file from being built, beside the warnings: 1', async () => {
    const { code, stdout, stderr } = await call('FROM scratch\nENV a b\nEXPOSE x\n', '--check')
    expect([code, stdout, stderr]).toEqual([
      1,
      expect.stringContaining('WARNING: LegacyKeyValueFormat'),
      expect.stringContaining('Dockerfile:3:8: INSTRUCTION_INVALID'),
    ])
  })

  test('with ignorestatus does not fail for warnings, but for errors', async () => {
    expect((await call('FROM scratch\nENV a b\n', '--call=check,ignorestatus')).code).toBe(0)
    expect((await call('FROM scratch\nFOO\n', '--call=check,ignorestatus=true')).code).toBe(1)
  })

  test('goes on without a base that cannot be had, and says what it leaves out', async () => {
    const { code, stderr } = await call('FROM a.invalid/b\nUSER $x\n', '--check')
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^Dockerfile:1: .*a\.invalid.*not checked\n$/)])
  })

  test('tells all bases that cannot be had, in the order of the file', async () => {
    const { stderr } = await call('FROM b.invalid/b AS b\nFROM a.invalid/a\nCOPY --from=b /x /x\n', '--check')
    expect(stderr.match(/^Dockerfile:\d/gm)).toEqual(['Dockerfile:1', 'Dockerfile:2'])
  })

  test('with error=true fails by an error too', async () => {
    const { code, stderr } = await call('# check=error=true\nFROM scratch\nENV a b\n', '--call=check,ignorestatus')
    expect([code, stderr]).toEqual([1, 'stave: CHECK_FAILED: Lint violation found for rules: LegacyKeyValueFormat\n'])
  })

  test('knows the variables of a base that can be had, and writes nothing of it', async () => {
    const layout = makeBaseLayout(temporaryFolder())
    const base = ['--build-context', `base=oci-layout://${layout}:base`]
    const { stdout, wroteStore } = await call('FROM base\nLABEL p=$PATH q=$missing\n', '--check', ...base)
    expect(stdout.match(/undefined variable '.*?'/g)).toEqual(["undefined variable '$missing'"])
    expect(wroteStore).toBe(false)
  })

  test('needs no name for what would be pushed', async () => {
    expect(await call('FROM scratch\nLABEL a=b\n', '--check', '--push')).toMatchObject({ code: 0, stderr: '' })
  })

  test('looks at one target when one is named', async () => {
    expect((await call(mistaken, '--check', '--target', 'base')).stdout).not.toContain('JSONArgsRecommended')
  })
})

describe('a Dockerfile on standard input', () => {
  const home = (): string => join(temporaryFolder(), 'store')

  test('is looked at', async () => {
    const { code, stdout } = await run(home(), ['build', '--check', '-'], 'FROM scratch\nENV a b\n')
    expect([code, stdout]).toEqual([1, expect.stringContaining('WARNING: LegacyKeyValueFormat')])
  })

  test('may be that of a folder', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, '.dockerignore'), 'secret\n')
    const argv = ['build', '--check', '-f', '-', folder]
    expect((await run(home(), argv, 'FROM scratch\nCOPY secret /\n')).stdout).toContain('CopyIgnoredFile')
  })

  test('is told apart from an ignore file that is wrong', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, '.dockerignore'), 'a\n[b\n')
    const { code, stderr } = await run(home(), ['build', '--check', '-f', '-', folder], 'FROM scratch\nCOPY . /\n')
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^\.dockerignore:2:1: IGNORE_PATTERN_INVALID.*\n {2}>> 2 \| \[b\n/),
    ])
  })
})

describe('--call=check,format=json', () => {
  test('has what docker buildx has', async () => {
    const { code, stdout } = await call('FROM scratch\nENV a b\n', '--call=check,format=json')
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      {
        warnings: [
          {
            ruleName: 'LegacyKeyValueFormat',
            description: 'Legacy key/value format with whitespace separator should not be used',
            url: 'https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/',
            detail: '"ENV key=value" should be used instead of legacy "ENV key value" format',
            location: { ranges: [{ start: { line: 2, character: 0 }, end: { line: 2, character: 7 } }] },
          },
        ],
        sources: [
          {
            filename: 'Dockerfile',
            language: 'Dockerfile',
            data: Buffer.from('FROM scratch\nENV a b\n').toString('base64'),
          },
        ],
      },
    ])
  })

  test('has the error', async () => {
    const { stdout } = await call('FROM scratch\nFOO x\n', '--call=check,format=json')
    expect(JSON.parse(stdout)).toMatchObject({ warnings: [], buildError: { message: 'Unknown instruction: FOO' } })
  })
})

describe('--call=check,format=sarif', () => {
  test('has a rule for each kind of finding, and a place for each finding', async () => {
    const { code, stdout } = await call('FROM scratch\nENV a b\nENV c d\nEXPOSE x\n', '--call=check,format=sarif')
    const log = JSON.parse(stdout) as {
      version: string
      runs: [{ tool: { driver: { rules: { id: string; helpUri?: string }[] } }; results: SarifResult[] }]
    }
    expect([code, log.version]).toEqual([1, '2.1.0'])
    const [{ tool, results }] = log.runs
    expect(tool.driver.rules.map(({ id, helpUri }) => [id, helpUri])).toEqual([
      ['LegacyKeyValueFormat', 'https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/'],
      ['INSTRUCTION_INVALID', undefined],
    ])
    expect(
      results.map(({ ruleId, ruleIndex, level, locations: [location] }) => [
        ruleId,
        ruleIndex,
        level,
        location.physicalLocation.region,
      ]),
    ).toEqual([
      ['LegacyKeyValueFormat', 0, 'warning', { startLine: 2, startColumn: 1, endLine: 2, endColumn: 8 }],
      ['LegacyKeyValueFormat', 0, 'warning', { startLine: 3, startColumn: 1, endLine: 3, endColumn: 8 }],
      ['INSTRUCTION_INVALID', 1, 'error', { startLine: 4, startColumn: 8, endLine: 4, endColumn: 9 }],
    ])
  })
})

interface SarifResult {
  readonly ruleId: string
  readonly ruleIndex: number
  readonly level: string
  readonly locations: readonly [{ readonly physicalLocation: { readonly region: object } }]
}

const described = `# VERSION of the language
ARG VERSION=3
FROM lang.invalid/lang:$VERSION AS build
# TAGS for the compiler
ARG TAGS
RUN --mount=type=secret,id=token,required=true --mount=type=ssh,id=git make

# app the program
FROM scratch AS app
COPY --from=build /app /app
`

describe('--call=outline', () => {
  test('prints the target, its arguments, secrets and agents', async () => {
    expect((await call(described, '--call=outline')).stdout).toBe(`TARGET:      app
DESCRIPTION: the program

BUILD ARG   VALUE   DESCRIPTION
VERSION     3       of the language
TAGS                for the compiler

SECRET   REQUIRED
token    true

SSH   REQUIRED
git

`)
  })

  test('prints nothing of a target that takes nothing and has no name', async () => {
    expect(await call('FROM scratch\n', '--call=outline')).toMatchObject({ code: 0, stdout: '' })
  })

  test('in JSON has the names that docker buildx has', async () => {
    const { stdout } = await call(described, '--call', 'outline,format=json', '--build-arg', 'VERSION=4')
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'app',
      description: 'the program',
      args: [{ name: 'VERSION', value: '4', description: 'of the language' }, { name: 'TAGS' }],
      secrets: [{ name: 'token', required: true }],
      ssh: [{ name: 'git' }],
    })
  })
})

describe('--call=targets', () => {
  test('prints the stages, and which is built', async () => {
    expect((await call(described, '--call=targets')).stdout).toBe(`TARGET        DESCRIPTION
build
app (default) the program
`)
  })

  test('in JSON has the names that docker buildx has', async () => {
    const { stdout } = await call(described, '--call', 'targets,format=json')
    expect(JSON.parse(stdout)).toMatchObject({
      targets: [
        { name: 'build', base: 'lang.invalid/lang:$VERSION' },
        { name: 'app', default: true, description: 'the program', base: 'scratch' },
      ],
    })
  })
})

test('--call=build builds', async () => {
  expect(await call('FROM scratch\nLABEL a=b\n', '--call=build')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^sha256:/) as unknown,
    wroteStore: true,
  })
})

test.each(['nothing', 'check,format=xml', 'check,colour', 'outline,format=sarif', 'check,ignorestatus=maybe'])(
  '--call=%s is wrong usage: 2',
  async (text) => {
    expect(await call('FROM scratch\n', `--call=${text}`)).toMatchObject({ code: 2, stdout: '' })
  },
)
