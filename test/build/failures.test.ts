import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { openMemoryLimit } from '../support/memory-limit.ts'
import { Project } from '../support/project.ts'
import { executable, finished, type Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

function project(dockerfile: string, files: Files = {}): Project {
  return new Project(base, { Dockerfile: dockerfile, ...files })
}

/** What stands at the end of stderr, behind the progress. */
function ending(stderr: string): string {
  return stderr.slice(stderr.lastIndexOf('\n\n') + 2)
}

test('a command that fails ends the build with its status, its last output and its line', async () => {
  const { code, stdout, stderr } = await project('FROM base\n\nRUN echo to stdout; echo to stderr >&2; exit 7\n').try()
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(ending(stderr)).toBe(`------
 > [2/2] RUN echo to stdout; echo to stderr >&2; exit 7:
 > to stdout
 > to stderr
------
Dockerfile:3:1: RUN_FAILED: "/bin/sh -c echo to stdout; echo to stderr >&2; exit 7" ended with exit status 7
  >> 3 | RUN echo to stdout; echo to stderr >&2; exit 7
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
`)
})

test('a signal is told from an exit status', async () => {
  expect(ending((await project('FROM base\nRUN ulimit -t 1; while true; do true; done\n').try()).stderr)).toContain(
    'RUN_SIGNALED',
  )
})

test('a command that the kernel killed for lack of memory is told from one that was killed', async (context) => {
  await using limit = openMemoryLimit(`test-stave-${process.pid}`, 400 * 1024 * 1024)
  if (limit === undefined) {
    context.skip('this user may make no control groups')
    return
  }
  const at = project('FROM base\nRUN exec tail /dev/zero\n')
  const script = `echo $$ > ${limit.procs}; exec "$@"`
  const child = spawn(
    'sh',
    ['-c', script, 'sh', process.execPath, executable, 'build', '--progress=plain', ...at.args],
    {
      env: { ...process.env, STAVE_HOME: at.store },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const { code, stderr } = await finished(child)
  expect(code).toBe(1)
  expect(ending(stderr)).toContain('RUN_OUT_OF_MEMORY')
})

test('a command that is not in the image is told from one that fails', async () => {
  const { code, stderr } = await project('FROM base\nRUN ["/no/such", "program"]\n').try()
  expect(code).toBe(1)
  expect(ending(stderr)).toMatch(/Dockerfile:2:1: RUN_COMMAND_NOT_FOUND: .*"\/no\/such"/)
})

test('RUN in an image without a shell says so', async () => {
  const { stderr } = await project('FROM scratch\nRUN true\n').try()
  expect(ending(stderr)).toMatch(/RUN_COMMAND_NOT_FOUND: .*"\/bin\/sh"/)
})

test('a user that the image does not know fails at RUN, with the users that it knows', async () => {
  const { stderr } = await project('FROM base\nUSER nobody-here\nRUN true\n').try()
  expect(ending(stderr)).toMatch(/RUN_USER_UNKNOWN: .*"nobody-here"[\s\S]*root, app/)
})

test('an unknown owner of a copy is an error, not root', async () => {
  const { stderr } = await project('FROM base\nCOPY --chown=nobody-here f /f\n', { f: '' }).try()
  expect(ending(stderr)).toContain('OWNER_UNKNOWN')
})

test('a missing source is an error at its instruction, with what is near', async () => {
  const { stderr } = await project('FROM base\nCOPY dist/app.js /app/\n', { 'out/app.js': '' }).try()
  expect(ending(stderr)).toMatch(
    /Dockerfile:2:\d+: COPY_SOURCE_MISSING: .*"dist\/app.js"[\s\S]*Did you mean "out\/app.js"\?/,
  )
})

test('a missing source is an error of the instruction that names it, not of those that build on it', async () => {
  const { stderr } = await project('FROM base\nCOPY f /f\nCOPY none /n\nCOPY f /g\nRUN true\n', { f: '' }).try()
  expect(ending(stderr)).toContain('Dockerfile:3:1: COPY_SOURCE_MISSING')
  expect(stderr).toMatch(/\[3\/5\] COPY none \/n\n#\d+ ERROR: Cannot copy "none"/)
})

test('a source that a stage lacks is an error too', async () => {
  const { stderr } = await project('FROM base AS a\nFROM base\nCOPY --from=a /nothing /x\n').try()
  expect(ending(stderr)).toContain('Dockerfile:3:1: COPY_SOURCE_MISSING')
})

test('the first failure stops the other steps, and nothing is left in the store', async () => {
  const at = project(
    'FROM base AS slow\nRUN sleep 60\nFROM base AS broken\nRUN sleep 0.3; exit 9\nFROM base\nCOPY --from=slow / /a\nCOPY --from=broken / /b\n',
  )
  const began = Date.now()
  const { code, stderr } = await at.try()
  expect(code).toBe(1)
  expect(ending(stderr)).toContain('exit status 9')
  expect(Date.now() - began).toBeLessThan(30_000)
  expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
})

describe('a Dockerfile with mistakes', () => {
  test('tells all of them at once', async () => {
    const { code, stderr } = await project('FROM base\nCOPPY a b\nRUN --netwrk=none true\n').try()
    expect(code).toBe(1)
    expect(stderr).toContain('Dockerfile:2:1: INSTRUCTION_UNKNOWN')
    expect(stderr).toMatch(/Dockerfile:3:\d+: INSTRUCTION_INVALID/)
  })

  test.each([
    ['that is empty', ''],
    ['of zeroes', '\0\0\0\0'],
    ['that is one very long line', `FROM base\nRUN echo ${'x'.repeat(200_000)}\0`],
    ['that is no text', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]).toString('latin1')],
  ])('%s ends without a stack trace', async (_, text) => {
    const { code, stderr } = await project(text).try()
    expect({ code, trace: /^ {4}at /m.test(stderr) }).toEqual({ code: 1, trace: false })
  })

  test('that is not there says where it was looked for', async () => {
    const at = project('')
    const { stderr } = await at.try('-f', join(at.context, 'Other'))
    expect(ending(stderr)).toContain(`DOCKERFILE_NOT_FOUND: Cannot read the Dockerfile ${at.context}/Other`)
  })
})

test('what is not there is refused by name, where it is asked for', async () => {
  const { code, stderr } = await project('# syntax=example/language:1\nFROM base\n').try()
  expect(code).toBe(1)
  expect(stderr).toMatch(/Dockerfile:1:1: UNSUPPORTED: .*"example\/language:1"/)
})
