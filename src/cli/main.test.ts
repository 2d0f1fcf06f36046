import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { main } from './main.ts'

async function run(
  argv: readonly string[],
  signal = new AbortController().signal,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const env = { STAVE_HOME: join(temporaryFolder(), 'store') }
  const code = await main(argv, { stdin: Readable.from([]), stdout, stderr, env, architecture: 'x64', uid: 0, signal })
  const textOf = (stream: PassThrough): string => String(stream.read() ?? '')
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) }
}

function contextWith(dockerfile: string): string {
  const folder = join(temporaryFolder(), 'context')
  mkdirSync(folder)
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  return folder
}

test('--version prints the version', async () => {
  expect(await run(['--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown,
  })
})

test('--help is no failure', async () => {
  expect(await run(['build', '--help'])).toMatchObject({ code: 0, stderr: '' })
})

const wrong: Readonly<Record<string, readonly string[]>> = {
  'no command': [],
  'a command that is none': ['bild', '.'],
  'an option that is none': ['build', '--no-such', '.'],
  'no context': ['build'],
  'two contexts': ['build', '.', '.'],
  'a choice that is none': ['build', '--network', 'bridge', '.'],
  'an output that is none': ['build', '-o', 'type=zip', '.'],
  'a name that is none': ['build', '-t', 'App', '.'],
  'a label without a name': ['build', '--label', '=x', '.'],
  'a host without an address': ['build', '--add-host', 'db', '.'],
  'an entitlement that is none': ['build', '--allow', 'everything', '.'],
  'a limit that is none': ['build', '--ulimit', 'files=1', '.'],
  'a context without a value': ['build', '--build-context', 'a', '.'],
}

for (const [what, argv] of Object.entries(wrong)) {
  test(`${what} is wrong usage: 2`, async () => {
    expect(await run(argv)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/./) as unknown })
  })
}

test('a Dockerfile that is wrong is a failed build: 1', async () => {
  const { code, stderr } = await run(['build', contextWith('FROM scratch\nNONSENSE\n')])
  expect([code, stderr]).toEqual([1, expect.stringContaining('Dockerfile:2:')])
})

test('a context that is missing is a failed build: 1', async () => {
  expect(await run(['build', join(temporaryFolder(), 'missing')])).toMatchObject({ code: 1 })
})

test('a build that only sets metadata prints its digest: 0', async () => {
  const { code, stdout } = await run(['build', contextWith('FROM scratch\nCMD ["/x"]\n')])
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/)])
})

test('--quiet says nothing but the digest', async () => {
  expect(await run(['build', '-q', contextWith('FROM scratch\nCMD ["/x"]\n')])).toMatchObject({ code: 0, stderr: '' })
})

test('an interruption is 130', async () => {
  const reason = new BuildError('CANCELED', 'The build was interrupted by SIGINT')
  const { code } = await run(['build', contextWith('FROM scratch\n')], AbortSignal.abort(reason))
  expect(code).toBe(130)
})

test('an image that is not there cannot be inspected: 1', async () => {
  expect(await run(['inspect', 'nothing'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('IMAGE_NOT_FOUND') as unknown,
  })
})
