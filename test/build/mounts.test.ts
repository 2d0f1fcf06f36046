import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { layerNames, Project } from '../support/project.ts'
import { writeFiles, type Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

function project(dockerfile: string, files: Files = {}): Project {
  return new Project(base, { Dockerfile: `FROM base${dockerfile}\n`, ...files })
}

describe.each(['oci', 'native', 'chroot'])('in the sandbox %s', (isolation) => {
  const build = (at: Project): Promise<string> => at.buildFiles('--isolation', isolation)
  const seenBy = async (at: Project): Promise<string> => readFileSync(join(await build(at), 'seen'), 'utf8')
  const failureOf = async (at: Project): Promise<string> => {
    const { code, stderr } = await at.try('--isolation', isolation)
    expect({ code, bug: stderr.includes('bug in stave') }).toEqual({ code: 1, bug: false })
    return stderr
  }

  test('a bind mount is read only, and cannot be made writable, not even by root', async () => {
    const at = project(
      `
RUN --mount=target=/ctx cat /ctx/f > /seen; for try in "touch /ctx/new" "rm /ctx/f" "sh -c 'echo x >> /ctx/f'" "mv /ctx/f /ctx/g" "mount -o remount,rw /ctx" "umount /ctx"; do \\
  eval "$try" 2>/dev/null && echo "did $try" >> /seen; done; true`,
      { f: 'kept\n' },
    )
    expect(await seenBy(at)).toBe('kept\n')
    expect(readFileSync(join(at.context, 'f'), 'utf8')).toBe('kept\n')
  })

  test('what is written to a bind mount that allows it is forgotten: the context, the stage and the image have none of it', async () => {
    const at = project(
      ` AS stage
RUN mkdir /s && echo of the stage > /s/f
FROM base
RUN --mount=target=/ctx,rw --mount=from=stage,source=/s,target=/s,readwrite echo changed > /ctx/f; rm /s/f; touch /s/new; ls /ctx /s > /listed
RUN --mount=target=/ctx --mount=from=stage,source=/s,target=/s cat /ctx/f /s/f > /seen; ls /s >> /seen`,
      { f: 'of the context\n' },
    )
    expect(await seenBy(at)).toBe('of the context\nof the stage\nf\n')
    expect(readFileSync(join(at.context, 'f'), 'utf8')).toBe('of the context\n')
  })

  test('one file can be shown, below a working directory, through a link of the image, and below /dev', async () => {
    const at = project(
      `
RUN mkdir -p /real/d && ln -s /real /link && ln -s ../../../../real/d /up
WORKDIR /w
RUN --mount=source=f,target=here/f --mount=source=f,target=/link/f --mount=source=f,target=/up/f --mount=source=f,target=/dev/some/f cat here/f /real/f /real/d/f /dev/some/f > /seen`,
      { f: 'x' },
    )
    const root = await build(at)
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('xxxx')
    expect(['w/here', 'real/f', 'real/d/f', 'dev/some'].filter((path) => existsSync(join(root, path)))).toEqual([])
  })

  test('places for mounts leave no trace: neither themselves, nor in the times of what is around them', async () => {
    const at = project(
      `
RUN mkdir -p /old/kept && touch -d 2001-02-03 /old/kept /old
RUN --mount=target=/old/new/a/b --mount=type=tmpfs,target=/old/kept/t --mount=type=cache,target=/fresh/c true
RUN --mount=type=tmpfs,target=/left/t echo x > /left/file`,
    )
    const layout = await at.buildLayout('--isolation', isolation)
    expect(layerNames(layout).slice(-2)).toEqual([[], ['left/', 'left/file']])
    const root = await build(at)
    expect(lstatSync(join(root, 'old')).mtime.getFullYear()).toBe(2001)
  })

  test('mounts that lie in each other are there, in whatever order they are written', async () => {
    const at = project(
      `
RUN --mount=source=d,target=/m/t/d --mount=source=f,target=/m/t/d/sub/f,type=bind --mount=type=tmpfs,target=/m/t --mount=target=/m,rw cat /m/t/d/g /m/t/d/sub/f > /seen; ls /m/t >> /seen`,
      { f: 'f\n', 'd/g': 'g\n', 'd/sub/f': '' },
    )
    expect(await seenBy(at)).toBe('g\nf\nd\n')
  })

  test('links that the context and stages have lead nowhere outside', async () => {
    const secret = join(folder.path, `outside-${isolation}`)
    writeFiles(secret, { file: 'of the machine' })
    const at = project(
      ` AS stage
RUN ln -s ${secret} /link && ln -s /../../../../..${secret}/file /file
FROM base
RUN --mount=target=/ctx cat /ctx/link > /seen 2>&1; ls /ctx/link/ >> /seen 2>&1; true`,
    )
    symlinkSync(secret, join(at.context, 'link'))
    expect(await seenBy(at)).not.toContain('of the machine')
    for (const source of ['/link', '/link/file', '/file']) {
      writeFiles(at.context, {
        Dockerfile: `FROM base AS stage\nRUN ln -s ${secret} /link && ln -s /../../../../..${secret}/file /file\nFROM base\nRUN --mount=from=stage,source=${source},target=/x cat /x\n`,
      })
      expect(await failureOf(at)).toContain('COPY_SOURCE_MISSING')
    }
  })

  test('a memory mount holds what was allowed, and forgets it', async () => {
    const at = project(
      `
RUN --mount=type=tmpfs,target=/t,size=1m head -c 500000 /dev/zero > /t/a && echo fits > /seen; head -c 5000000 /dev/zero > /t/b 2>/dev/null || echo full >> /seen; stat -c %a /t >> /seen`,
    )
    const root = await build(at)
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('fits\nfull\n1777\n')
    expect(existsSync(join(root, 't'))).toBe(false)
  })

  test.each([
    ['--mount=type=tmpfs,target=/proc/x', 'MOUNT_INVALID: Cannot mount at "/proc/x"'],
    ['--mount=target=/hidden/x', 'MOUNT_INVALID: Cannot mount at "/hidden/x": that is /proc/x'],
    ['--mount=type=cache,target=/sys', 'MOUNT_INVALID: Cannot mount at "/sys"'],
    ['--mount=type=tmpfs,target=/dev', 'MOUNT_INVALID: Cannot mount at "/dev"'],
    ['--mount=type=tmpfs,target=/top', 'MOUNT_INVALID: Cannot mount at "/top": that is /'],
    ['--mount=source=f,target=/etc', 'is a directory'],
    ['--mount=source=d,target=/etc/passwd', 'is no directory'],
    ['--mount=source=d,target=/etc/passwd/x', 'is no directory'],
    ['--mount=source=none,target=/x', 'COPY_SOURCE_MISSING'],
    ['--mount=type=tmpfs,target=/loop/x', 'too many levels of symbolic links'],
  ])('%s is refused, with its place', async (flag, message) => {
    const stderr = await failureOf(
      project(`\nRUN ln -s /proc /hidden && ln -s / /top && ln -s loop /loop\nRUN ${flag} true`, { f: '', 'd/g': '' }),
    )
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/^Dockerfile:3:/m)
  })
})
