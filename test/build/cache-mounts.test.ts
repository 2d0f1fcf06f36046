import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { inContainer } from '../support/in-container.ts'
import { layerNames, Project, type ProjectOptions } from '../support/project.ts'
import { cachedSteps, doneSteps, finished, startStave, type Files, untilItSays, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

/** `AS name` at the beginning names the first stage. */
function withBase(dockerfile: string): string {
  return `FROM base${dockerfile.startsWith('AS ') ? ' ' : '\n'}${dockerfile}\n`
}

const places: Readonly<Record<string, { readonly args: readonly string[]; readonly options: ProjectOptions }>> = {
  oci: { args: ['--isolation', 'oci'], options: {} },
  native: { args: ['--isolation', 'native'], options: {} },
  'chroot that may mount': { args: ['--isolation', 'chroot'], options: {} },
  'chroot in a container': { args: [], options: { prefix: inContainer } },
}

describe.each(Object.entries(places))('in the sandbox %s', (_, { args, options }) => {
  function project(dockerfile: string, files: Files = {}): Project {
    return new Project(base, { Dockerfile: withBase(dockerfile), ...files }, options)
  }

  function change(at: Project, dockerfile: string): void {
    writeFiles(at.context, { Dockerfile: withBase(dockerfile) })
  }

  async function seenBy(at: Project, ...more: readonly string[]): Promise<string> {
    return readFileSync(join(await at.buildFiles(...args, ...more), 'seen'), 'utf8')
  }

  test('a cache keeps what a step leaves in it, for other steps and other builds', async () => {
    const at = project('RUN --mount=type=cache,target=/c echo first > /c/file; mkdir -p /c/d/e; ln -s file /c/link')
    await at.build(...args)
    change(
      at,
      'RUN --mount=type=cache,target=/c cat /c/link > /seen; ls -d /c/d/e >> /seen; rm -r /c/d; echo 2 > /c/file',
    )
    expect(await seenBy(at)).toBe('first\n/c/d/e\n')
    change(at, 'RUN --mount=type=cache,target=/other,id=/c ls /other > /seen; cat /other/file >> /seen')
    expect(await seenBy(at, '--no-cache')).toBe('file\nlink\n2\n')
  })

  test('what is in a cache is neither in the layer nor in the key', async () => {
    const at = project(
      'RUN --mount=type=cache,target=/root/.cache/tool date +%N > /root/.cache/tool/x && echo out > /out',
    )
    const layout = await at.buildLayout(...args)
    expect(layerNames(layout).at(-1)).toEqual(['out'])
    expect(cachedSteps((await at.try(...args)).stderr)).toHaveLength(2)
    change(at, 'RUN --mount=type=cache,target=/root/.cache/tool echo changed > /root/.cache/tool/x')
    await at.build(...args)
    change(at, 'RUN --mount=type=cache,target=/root/.cache/tool date +%N > /root/.cache/tool/x && echo out > /out')
    expect(cachedSteps((await at.try(...args)).stderr)).toHaveLength(2)
  })

  test('mode and owner are those of the mount that made the cache, root and 0755 when nothing is said', async () => {
    const at = project(
      'RUN --mount=type=cache,target=/a --mount=type=cache,target=/b,mode=0750,uid=12,gid=34 stat -c "%n %a %u:%g" /a /b > /seen',
    )
    expect(await seenBy(at)).toBe('/a 755 0:0\n/b 750 12:34\n')
    change(at, 'RUN --mount=type=cache,target=/b,mode=0700,uid=1 stat -c "%n %a %u:%g" /b > /seen')
    expect(await seenBy(at)).toBe('/b 750 12:34\n')
  })

  test('a new cache begins with what from and source name, and only a new one', async () => {
    const stages = 'RUN mkdir -p /s/d && echo one > /s/d/f && chown -R 5:6 /s/d && chmod 700 /s/d\n'
    const at = project(
      `AS s\n${stages}FROM base\nRUN --mount=type=cache,target=/c,from=s,source=/s/d stat -c "%a %u:%g" /c > /seen; cat /c/f >> /seen; echo mine > /c/f`,
    )
    expect(await seenBy(at)).toBe('700 5:6\none\n')
    change(
      at,
      `AS s\n${stages.replace('one', 'two')}FROM base\nRUN --mount=type=cache,target=/c,from=s,source=/s/d cat /c/f > /seen`,
    )
    expect(await seenBy(at)).toBe('mine\n')
  })

  test('a cache that is read only can be read', async () => {
    const at = project('RUN --mount=type=cache,target=/c echo kept > /c/f')
    await at.build(...args)
    change(at, 'RUN --mount=type=cache,target=/c,ro cat /c/f > /seen; echo changed > /c/f || true')
    expect(await seenBy(at)).toBe('kept\n')
    change(at, 'RUN --mount=type=cache,target=/c cat /c/f > /seen')
    expect(await seenBy(at)).toBe('kept\n')
  })

  test('a cache inside another, a working directory inside a cache, and one mounted twice are all there', async () => {
    const at = project(
      [
        'WORKDIR /c/work',
        'RUN --mount=type=cache,target=/c/in,id=in --mount=type=cache,target=/c,id=out echo a > /c/a && echo b > /c/in/b && pwd > /c/in/pwd',
        'RUN --mount=type=cache,target=/x,id=in --mount=type=cache,target=/y,id=out ls /x /y > /seen && cat /x/pwd >> /seen',
      ].join('\n'),
    )
    expect((await seenBy(at)).split('\n').filter((line) => !['in', 'work'].includes(line))).toEqual([
      ...['/x:', 'b', 'pwd', '', '/y:', 'a', '/c/work', ''],
    ])
  })

  test('a working directory that a memory mount hides is made in there', async () => {
    expect(await seenBy(project('WORKDIR /m/a/b\nRUN --mount=type=tmpfs,target=/m pwd > /seen'))).toBe('/m/a/b\n')
  })

  test('a step that is killed leaves the cache as usable as it was', async () => {
    const at = project('RUN --mount=type=cache,target=/c echo kept > /c/f')
    await at.build(...args)
    change(at, 'RUN --mount=type=cache,target=/c echo more > /c/g && echo began && sleep 13579')
    const child = startStave(['build', '--progress=plain', ...args, ...at.args], { store: at.store, ...options })
    const ended = finished(child)
    await untilItSays(child, ' began\n')
    child.kill('SIGKILL')
    await ended
    change(at, 'RUN --mount=type=cache,target=/c,sharing=locked cat /c/f > /seen')
    expect(await seenBy(at)).toBe('kept\n')
  })

  test('links that a step leaves in a cache lead the next one’s mounts nowhere outside', async () => {
    const victim = join(folder.path, `victim-${Math.random()}`)
    writeFiles(victim, { file: 'untouched' })
    const at = project(
      `RUN --mount=type=cache,target=/c ln -s ${victim} /c/link; ln -s ${victim}/file /c/file; ln -s /../../../..${victim} /c/up`,
    )
    await at.build(...args)
    change(
      at,
      [
        'RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/c/link/new --mount=type=cache,target=/c/up/other,id=o \\',
        '  echo x > /c/link/new/x; echo x > /c/up/other/x; echo x > /c/file; true',
      ].join('\n'),
    )
    await at.try(...args)
    expect([readdirSync(victim), readFileSync(join(victim, 'file'), 'utf8')]).toEqual([['file'], 'untouched'])
  })
})

describe('steps that want one cache at the same time', () => {
  /** Each says that it is there, and whom it finds. */
  const visit = (name: string, sharing: string): string =>
    [
      `FROM base AS ${name}`,
      `RUN --mount=type=cache,target=/c,sharing=${sharing} touch /c/in-${name}; sleep 1; ls /c > /found; sleep 1; rm /c/in-${name}`,
    ].join('\n')
  const two = (sharing: string): string =>
    `${visit('a', sharing)}\n${visit('b', sharing)}\nFROM scratch\nCOPY --from=a /found /a\nCOPY --from=b /found /b\n`

  async function foundIn(at: Project): Promise<readonly string[]> {
    const root = await at.buildFiles()
    return ['a', 'b'].map((name) => readFileSync(join(root, name), 'utf8'))
  }

  test('share it', async () => {
    expect(await foundIn(new Project(base, { Dockerfile: two('shared') }))).toEqual(['in-a\nin-b\n', 'in-a\nin-b\n'])
  })

  test('have it one after the other, when it is locked', async () => {
    expect(await foundIn(new Project(base, { Dockerfile: two('locked') }))).toEqual(['in-a\n', 'in-b\n'])
  })

  test('have one each, when it is private, and have it again', async () => {
    const at = new Project(base, { Dockerfile: two('private') })
    expect(await foundIn(at)).toEqual(['in-a\n', 'in-b\n'])
    await at.build('--no-cache')
    const [id = ''] = readdirSync(join(at.store, 'v1/caches'))
    expect(readdirSync(join(at.store, 'v1/caches', id)).sort()).toEqual(['0', '1'])
  })

  test('do so from several processes too', async () => {
    const at = new Project(base, { Dockerfile: two('locked') })
    const roots = await Promise.all(['a', 'b'].map((target) => at.buildFiles('--target', target)))
    expect(roots.map((root) => readFileSync(join(root, 'found'), 'utf8'))).toEqual(['in-a\n', 'in-b\n'])
  })

  test('can be canceled while they wait', async () => {
    const at = new Project(base, {
      Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c,sharing=locked echo began; sleep 24681\n',
    })
    const start = (dockerfile: string) =>
      startStave(['build', '--progress=plain', '-f', dockerfile, ...at.args], { store: at.store })
    writeFiles(at.context, { other: 'FROM base\nRUN --mount=type=cache,target=/c,sharing=locked echo nev""er\n' })
    const holder = start(join(at.context, 'Dockerfile'))
    const holderEnded = finished(holder)
    await new Promise<void>((resolve) => {
      holder.stderr?.on('data', (text: string) => {
        if (text.includes(' began\n')) resolve()
      })
    })
    const waiter = start(join(at.context, 'other'))
    const waiterEnded = finished(waiter)
    await new Promise<void>((resolve) => {
      waiter.stderr?.on('data', (text: string) => {
        if (text.includes('RUN --mount')) resolve()
      })
    })
    waiter.kill('SIGINT')
    const { code, stderr } = await waiterEnded
    expect([code, stderr]).toEqual([130, expect.not.stringContaining('never')])
    holder.kill('SIGINT')
    expect((await holderEnded).code).toBe(130)
  })
})

test('BUILDKIT_CACHE_MOUNT_NS keeps caches of one id apart, and is in no key', async () => {
  const at = new Project(base, {
    Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c ls /c; touch /c/$(ls /c | wc -l)\n',
  })
  const namespace = ['--build-arg', 'BUILDKIT_CACHE_MOUNT_NS=other']
  await at.build()
  expect(doneSteps((await at.try(...namespace)).stderr)).toEqual([])
  expect((await at.try(...namespace, '--no-cache')).stderr).not.toMatch(/^#\d+ [\d.]+ 0$/m)
  expect((await at.try('--no-cache')).stderr).toMatch(/^#\d+ [\d.]+ 0$/m)
  expect(readdirSync(join(at.store, 'v1/caches'))).toHaveLength(2)
})

test('a cache is a folder of the store that says what it is the cache of', async () => {
  const at = new Project(base, { Dockerfile: 'FROM base\nRUN --mount=type=cache,id=go-mod,target=/c touch /c/x\n' })
  await at.build()
  const found = execFileSync('find', [join(at.store, 'v1/caches'), '-type', 'f', '-printf', '%f\n'], {
    encoding: 'utf8',
  })
  expect(found.trim().split('\n').sort()).toEqual(['id', 'x'])
  expect(existsSync(join(at.store, 'v1/tmp'))).toBe(true)
  expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
})
