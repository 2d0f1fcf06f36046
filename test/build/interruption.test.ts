import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { descendantsOf, lingering, mountsBelow, cgroupsOf } from '../support/leftovers.ts'
import { Project } from '../support/project.ts'
import { finished, startStave, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

/** Starts a build and waits until it has printed the text. */
async function buildUntil(
  at: Project,
  text: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
) {
  const child = startStave(['build', '--progress=plain', ...args, ...at.args], { store: at.store, env })
  onTestFinished(() => void child.kill('SIGKILL')) // a test that fails leaves no build behind
  const ended = finished(child)
  const printed = new Promise<void>((resolve) => {
    let seen = ''
    child.stderr?.on('data', (chunk: string) => {
      seen += chunk
      if (seen.includes(text)) resolve()
    })
  })
  const early = await Promise.race([printed, ended])
  if (early !== undefined) throw new Error(`the build ended before it printed ${text}:\n${early.stderr}`)
  return { child, ended }
}

describe('Ctrl-C', () => {
  test.each(['that nobody has opened', 'that somebody holds open'])(
    'ends a build that waits at a pipe %s',
    async (what) => {
      const at = new Project(base, {})
      const pipe = join(at.root, 'pipe')
      execFileSync('mkfifo', [pipe])
      if (what.includes('holds')) {
        const holder = spawn('sh', ['-c', 'exec > "$0"; exec sleep 60', pipe])
        onTestFinished(() => void holder.kill('SIGKILL'))
      }
      const child = startStave(['build', '-f', pipe, ...at.args], { store: at.store })
      onTestFinished(() => void child.kill('SIGKILL'))
      const ended = finished(child)
      await sleep(1000)
      child.kill('SIGINT')
      expect((await ended).code).toBe(130)
    },
  )

  test('ends the build with status 130, and leaves no process, no mount and no temporary file', async () => {
    const at = new Project(base, { Dockerfile: 'FROM base\nRUN echo began && sleep 987654\n' })
    const { child, ended } = await buildUntil(at, 'began\n', {}, ['-o', `type=oci,dest=${join(at.root, 'image.tar')}`])
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
    expect(await lingering('987654', 1)).toEqual([])
    expect(await lingering(at.store, 1)).toEqual([])
    expect(mountsBelow(at.store)).toEqual([])
    expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
    expect(readdirSync(at.root).sort()).toEqual(['context', 'store'])
  })

  test('while a layer is unpacked or packed leaves nothing either', async () => {
    const at = new Project(base, {
      Dockerfile: 'FROM base\nRUN dd if=/dev/urandom of=/big bs=1M count=100 2>/dev/null; echo written\n',
    })
    const { child, ended } = await buildUntil(at, 'written\n')
    await sleep(150)
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
    expect(await lingering(at.store, 1)).toEqual([])
    expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
  })
})

const marker = 'stave-interruption-test'
const steps = [1, 2, 3, 4, 5].map(
  (step) =>
    `RUN echo ${step} > /step-${step} && head -c 300000 /bin/busybox > /copy-${step} && touch -d @1000 /step-${step} /copy-${step} && sleep 0.05 # ${marker}`,
)

function steppedProject(): Project {
  return new Project(base, {
    Dockerfile: [
      'FROM base AS other',
      'COPY tree /tree',
      steps[0],
      'FROM base',
      'COPY --from=other /tree /tree',
      ...steps,
      '',
    ].join('\n'),
    ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`tree/${index}/f`, `content ${index}`])),
  })
}

/** The same random numbers every time: a failure can be looked at again. */
function random(seed: number): number {
  const value = Math.sin(seed * 9301 + 49297) * 233280
  return value - Math.floor(value)
}

test('a build that is killed at 30 random moments leaves nothing that runs, and is completed with the layers that it had finished', async () => {
  const reference = (await steppedProject().buildConfig()).rootfs.diff_ids.slice(-5)
  const at = steppedProject()
  for (let attempt = 1; attempt <= 30; attempt++) {
    const child = startStave(['build', '--progress=plain', ...at.args], { store: at.store })
    const ended = finished(child)
    await sleep(100 + random(attempt) * 900)
    const descendants = descendantsOf(child.pid ?? 0)
    // The command itself, the executor process, or the process between the two.
    const victim = [child.pid, descendants[1], descendants[0]][attempt % 3] ?? child.pid
    if (child.exitCode === null && victim !== undefined) tryKill(victim)
    const { stderr } = await ended
    expect(await lingering(marker)).toEqual([])
    expect(await lingering(at.store)).toEqual([])
    expect(mountsBelow(at.store)).toEqual([])
    expect(stderr).not.toMatch(/^ {4}at /m)
    if (child.exitCode === 0) rmSync(at.store, { recursive: true }) // it was quicker: begin again
  }
  expect((await at.buildConfig()).rootfs.diff_ids.slice(-5)).toEqual(reference)
  expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
}, 300_000)

function executorOf(pid: number): number | undefined {
  return descendantsOf(pid).find((child) => !readFileSync(`/proc/${child}/comm`, 'utf8').startsWith('unshare'))
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

test('steps that were finished before a kill are not carried out again', async () => {
  const at = new Project(base, { Dockerfile: 'FROM base\nRUN echo first\nRUN sleep 765432\n' })
  const { child, ended } = await buildUntil(at, 'RUN sleep 765432\n')
  await sleep(300)
  child.kill('SIGKILL')
  await ended
  expect(await lingering('765432')).toEqual([])
  writeFiles(at.context, { Dockerfile: 'FROM base\nRUN echo first\nRUN echo second\n' })
  const { stderr } = await at.try()
  expect(stderr).toMatch(/\[2\/3\] RUN echo first\n#\d+ CACHED/)
  expect(existsSync(join(at.store, 'v1/tmp')) && readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
})

test('an executor that is killed fails the build with an error, not a hang', async () => {
  const at = new Project(base, { Dockerfile: 'FROM base\nRUN echo began; sleep 654321\n' })
  const { child, ended } = await buildUntil(at, 'began\n')
  process.kill(executorOf(child.pid ?? 0) ?? 0, 'SIGKILL')
  expect((await ended).code).toBe(1)
  expect(await lingering('654321')).toEqual([])
  expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
})

/** A folder of links to the few programs that a build needs, runc for the only runtime. */
function pathWithRuncAlone(root: string): string {
  const folder = join(root, 'programs')
  mkdirSync(folder)
  for (const program of ['/usr/bin/unshare', '/usr/sbin/runc']) symlinkSync(program, join(folder, basename(program)))
  return folder
}

test.each(['the command', 'the executor'])(
  'with runc, which makes control groups, none survives when %s is killed',
  async (victim) => {
    const at = new Project(base, { Dockerfile: 'FROM base\nRUN echo began; sleep 543210\n' })
    const { child, ended } = await buildUntil(at, 'began\n', { PATH: pathWithRuncAlone(at.root) }, ['--isolation=oci'])
    expect(cgroupsOf(child.pid ?? 0)).not.toEqual([])
    process.kill((victim === 'the command' ? child.pid : executorOf(child.pid ?? 0)) ?? 0, 'SIGKILL')
    await ended
    expect(await lingering('543210')).toEqual([])
    expect(await lingering(at.store)).toEqual([])
    expect(cgroupsOf(child.pid ?? 0)).toEqual([])
  },
)
