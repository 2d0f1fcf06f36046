import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { cachedSteps, doneSteps, stave, writeFiles, type Files } from '../support/stave.ts'
import { openTemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { unpackWithUmoci } from '../support/tree.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

const dockerfile = `
FROM base AS build
WORKDIR /src
COPY a.txt .
RUN cat a.txt > built
COPY b.txt .
RUN cat b.txt >> built

FROM base
ARG GREETING=hello
RUN echo $GREETING > /greeting
COPY --from=build /src/built /built
`

const steps = {
  workdir: '[build 2/6] WORKDIR /src',
  copyA: '[build 3/6] COPY a.txt .',
  runA: '[build 4/6] RUN cat a.txt > built',
  copyB: '[build 5/6] COPY b.txt .',
  runB: '[build 6/6] RUN cat b.txt >> built',
  greet: '[stage-1 2/3] RUN echo hello > /greeting',
  take: '[stage-1 3/3] COPY --from=build /src/built /built',
}

class Project {
  readonly root = temporaryFolder()
  readonly context = join(this.root, 'context')
  readonly store = join(this.root, 'store')

  constructor(files: Files = {}) {
    writeFiles(this.context, { Dockerfile: dockerfile, 'a.txt': 'a\n', 'b.txt': 'b\n', ...files })
  }

  async build(...args: readonly string[]) {
    const { code, stdout, stderr } = await stave(
      ['build', '--progress=plain', '--build-context', `base=oci-layout://${base}:base`, ...args, this.context],
      { store: this.store },
    )
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return {
      digest: stdout.trim(),
      cached: cachedSteps(stderr),
      done: doneSteps(stderr).filter((step) => !step.includes(' FROM ')),
      stderr,
    }
  }
}

describe('building again', () => {
  test('finds every step done, and gives the same image', async () => {
    const project = new Project()
    const first = await project.build()
    const second = await project.build()
    expect(first.done.toSorted()).toEqual(Object.values(steps).toSorted())
    expect(second.done).toEqual([])
    expect(second.digest).toBe(first.digest)
  })

  test('carries out just what depends on a file that changed', async () => {
    const project = new Project()
    await project.build()
    writeFileSync(join(project.context, 'b.txt'), 'other\n')
    const { cached, done } = await project.build()
    expect(done.toSorted()).toEqual([steps.copyB, steps.runB, steps.take].toSorted())
    expect(cached).toEqual(expect.arrayContaining([steps.workdir, steps.copyA, steps.runA, steps.greet]))
  })

  test('takes no notice of times, owners and names of context files that changed', async () => {
    const project = new Project()
    const first = await project.build()
    execFileSync('touch', ['-d', '2001-01-01', join(project.context, 'a.txt')])
    execFileSync('chown', ['1234:5678', join(project.context, 'b.txt')])
    writeFileSync(join(project.context, 'unused.txt'), 'new')
    const second = await project.build()
    expect(second.done).toEqual([])
    expect(second.digest).toBe(first.digest)
  })

  test('notices a mode that changed', async () => {
    const project = new Project()
    await project.build()
    execFileSync('chmod', ['755', join(project.context, 'b.txt')])
    expect((await project.build()).done).toContain(steps.copyB)
  })

  test('stops at a step whose result is the same as before: the next one is found by its content', async () => {
    const project = new Project({
      Dockerfile:
        'FROM base\nARG STAMP\nRUN echo $STAMP > /dev/null; echo same > /f; touch -d @1000 /f /\nFROM base\nCOPY --from=0 /f /f\nRUN cat /f\n',
    })
    await project.build('--build-arg', 'STAMP=1')
    const { cached, done } = await project.build('--build-arg', 'STAMP=2')
    expect(done).toHaveLength(1)
    expect(cached).toContain('[stage-1 3/3] RUN cat /f')
  })

  test('says what changed when a step is carried out again', async () => {
    const project = new Project()
    await project.build()
    writeFileSync(join(project.context, 'a.txt'), 'changed\n')
    const { stderr } = await project.build('--build-arg', 'GREETING=hi')
    expect(stderr).toContain('a.txt changed')
    expect(stderr).toContain('variable GREETING changed')
  })

  test('with --no-cache carries out every step', async () => {
    const project = new Project()
    await project.build()
    const { cached, done } = await project.build('--no-cache')
    expect(cached.filter((step) => !step.includes(' FROM '))).toEqual([])
    expect(done).toHaveLength(Object.keys(steps).length)
  })

  test('carries a step out again when its layer is gone from the store', async () => {
    const project = new Project()
    const first = await project.build()
    for (const form of ['layers', 'blobs']) rmSync(join(project.store, 'v1', form), { recursive: true })
    const { digest, done } = await project.build()
    expect(done).not.toEqual([])
    expect(digest).toMatch(/^sha256:/)
    expect(first.digest).toMatch(/^sha256:/)
  })
})

test('a stage that the target does not need is not built', async () => {
  const project = new Project({ Dockerfile: 'FROM base AS broken\nRUN exit 1\nFROM base\nRUN true\n' })
  expect((await project.build()).done).toEqual(['[stage-1 2/2] RUN true'])
})

test('two builds of the same thing at once carry each step out once', async () => {
  const project = new Project({ Dockerfile: 'FROM base\nRUN sleep 1; echo done\n' })
  const both = await Promise.all([project.build(), project.build()])
  expect(both.flatMap(({ done }) => done)).toEqual(['[2/2] RUN sleep 1; echo done'])
  expect(both[0].digest).toBe(both[1].digest)
})

test('a file that changes while it is copied is not taken for what it was before', async () => {
  const project = new Project({ Dockerfile: 'FROM base\nRUN sleep 1\nCOPY a.txt /a\nRUN cat /a\n', 'a.txt': 'before' })
  const first = project.build()
  await sleep(1000)
  writeFileSync(join(project.context, 'a.txt'), 'after!')
  await first
  writeFileSync(join(project.context, 'a.txt'), 'before')
  const layout = join(project.root, 'layout')
  await project.build('-o', `type=oci,dest=${layout},tar=false,name=a:latest`)
  expect(readFileSync(join(unpackWithUmoci(layout, 'latest', join(project.root, 'unpacked')), 'a'), 'utf8')).toBe(
    'before',
  )
})

describe('a copy that nothing in its build reads', () => {
  const copying = 'FROM base\nCOPY d /d\n'
  const files = { Dockerfile: copying, 'd/a': 'a\n', 'd/e/b': ['b\n', 0o755] } as const

  test('is packed as it lies: no file of it is written to the store', async () => {
    const project = new Project(files)
    await project.build()
    expect(execFileSync('find', [project.store, '-path', '*/d/a'], { encoding: 'utf8' })).toBe('')
  })

  test('is found again, and unpacked when a step of a later build needs its files', async () => {
    const project = new Project(files)
    await project.build()
    writeFiles(project.context, { Dockerfile: `${copying}RUN cat /d/a /d/e/b > /both && test -x /d/e/b\n` })
    const layout = join(project.root, 'layout')
    const { cached, done } = await project.build('-o', `type=oci,dest=${layout},tar=false,name=a:latest`)
    expect(cached).toEqual(
      ['[1/3] FROM base', '[2/3] COPY d /d'].map((name) => expect.stringContaining(name) as string),
    )
    expect(done).toEqual([expect.stringContaining('[3/3] RUN') as string])
    const tree = unpackWithUmoci(layout, 'latest', join(project.root, 'unpacked'))
    expect(readFileSync(join(tree, 'both'), 'utf8')).toBe('a\nb\n')
  })

  test('gives the same layer as one that a step reads', async () => {
    const config = async (dockerfile: string): Promise<readonly string[]> => {
      const project = new Project({ ...files, Dockerfile: dockerfile })
      for (const name of ['d', 'd/a', 'd/e', 'd/e/b']) utimesSync(join(project.context, name), 1e9, 1e9)
      const layout = join(project.root, 'layout')
      await project.build('-o', `type=oci,dest=${layout},tar=false,name=a:latest`, '--build-arg', 'SOURCE_DATE_EPOCH=0')
      const text = execFileSync('skopeo', ['inspect', '--config', `oci:${layout}:latest`], { encoding: 'utf8' })
      return (JSON.parse(text) as { readonly rootfs: { readonly diff_ids: readonly string[] } }).rootfs.diff_ids
    }
    const [, , packed] = await config('FROM base\nCOPY d/e /etc/\n')
    const [, , written] = await config('FROM base\nCOPY d/e /etc/\nRUN true\n')
    expect(packed).toBe(written)
  })
})
