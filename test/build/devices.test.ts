import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project } from '../support/project.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
const specs = join(folder.path, 'specs')
const shared = join(folder.path, 'shared')
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
  for (const path of [specs, shared]) mkdirSync(path)
  writeFileSync(join(shared, 'library'), 'of the machine')
  const spec = {
    cdiVersion: '0.6.0',
    kind: 'vendor.com/zero',
    devices: [
      {
        name: 'a',
        containerEdits: {
          env: ['DEVICE=a'],
          additionalGids: [77],
          deviceNodes: [
            { path: '/dev/made/a', hostPath: '/dev/zero', fileMode: 0o640, gid: 77 },
            { path: '/dev/fuse', hostPath: '/dev/zero' },
          ],
          mounts: [{ hostPath: shared, containerPath: '/opt/vendor', options: ['ro', 'nosuid', 'nodev', 'bind'] }],
        },
      },
      { name: 'hooked', containerEdits: { hooks: [{ hookName: 'createContainer', path: '/bin/true' }] } },
      { name: 'gone', containerEdits: { deviceNodes: [{ path: '/dev/no-such-device' }] } },
    ],
  }
  writeFileSync(join(specs, 'zero.json'), JSON.stringify(spec))
})
afterAll(() => folder[Symbol.dispose]())

function project(dockerfile: string): Project {
  // The machine's own /run stays as it is.
  const script = 'mount -t tmpfs none /run && mkdir /run/cdi && cp "$0"/* /run/cdi && exec "$@"'
  const prefix = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, specs]
  return new Project(base, { Dockerfile: `FROM base\n${dockerfile}\n` }, { prefix })
}

describe.each(['oci', 'native', 'chroot'])('in the sandbox %s', (isolation) => {
  test('a device has its nodes, its files and its variables, and leaves no trace', async () => {
    const at = project(
      `RUN --device=vendor.com/zero=a,required stat -c "%F %a %g" /dev/made/a > /seen; head -c 3 /dev/made/a | wc -c >> /seen; \\
  head -c 2 /dev/fuse | wc -c >> /seen; cat /opt/vendor/library >> /seen; echo " $DEVICE" >> /seen; id -G >> /seen; echo x > /opt/vendor/library || echo read-only >> /seen`,
    )
    const root = await at.buildFiles('--isolation', isolation, '--allow', 'device')
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe(
      'character special file 640 77\n3\n2\nof the machine a\n0 77\nread-only\n',
    )
    expect(readFileSync(join(shared, 'library'), 'utf8')).toBe('of the machine')
  })

  test('a device that is neither there nor required is nothing', async () => {
    const at = project('RUN --device=vendor.com/other=a [ ! -e /dev/made ] && echo fine > /seen')
    const root = await at.buildFiles('--isolation', isolation, '--allow', 'device=vendor.com/other')
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('fine\n')
  })
})

test.each([
  ['vendor.com/zero=a', [], 'NOT_ALLOWED: RUN --device=vendor.com/zero=a is not allowed'],
  ['vendor.com/other=a,required', ['--allow', 'device'], 'DEVICE_NOT_FOUND: Cannot find the device vendor.com/other=a'],
  [
    'vendor.com/zero=hooked',
    ['--allow', 'device'],
    'DEVICE_INVALID: Cannot use the device vendor.com/zero=hooked: it has hooks',
  ],
  ['vendor.com/zero=gone', ['--allow', 'device'], 'this machine has no /dev/no-such-device'],
])('the device %s with %j is refused', async (name, args, message) => {
  const { code, stderr } = await project(`RUN --device=${name} true`).try(...args)
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  expect(stderr).toContain('Dockerfile:2:')
})
