import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project, type ProjectOptions } from '../support/project.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

const fuse = 'c 10 229'
const disk = 'b 7 0'

/** Fails unless the kernel refuses to open the node, whether or not there is such a device. */
const refused = (node: string): string =>
  `(: < ${node}) 2> /tmp/why; grep -q 'Operation not permitted' /tmp/why || { cat /tmp/why; exit 1; }`

/** Nodes that a step makes, that lie in a layer below it, in memory and in a cache; and those that every container has. */
const dockerfile = [
  'FROM base',
  `RUN mknod /fuse ${fuse} && mknod /disk ${disk} && ${refused('/fuse')}; ${refused('/disk')}`,
  `RUN ${refused('/fuse')}; ${refused('/disk')}`,
  `RUN --mount=type=cache,target=/c mknod /c/disk ${disk} && ${refused('/c/disk')}; rm /c/disk`,
  `RUN mknod /dev/other ${disk} && ${refused('/dev/other')}; rm /dev/other`,
  'RUN mknod /null c 1 3 && echo gone > /null && head -c 4 /dev/urandom > /dev/null',
  '',
].join('\n')

/** Without the hierarchy of version 1 that bounds devices, so that the one of version 2 has to. */
const secondVersion = [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  ...['if [ -d /sys/fs/cgroup/devices ]; then umount /sys/fs/cgroup/devices; fi; exec "$@"', 'sh'],
]

const places: Readonly<Record<string, { readonly args: readonly string[]; readonly options?: ProjectOptions }>> = {
  native: { args: ['--isolation=native'] },
  oci: { args: ['--isolation=oci'] },
  chroot: { args: ['--isolation=chroot'] },
  'native, in control groups of version 2': { args: ['--isolation=native'], options: { prefix: secondVersion } },
  'native, in a control group that the caller names': {
    args: ['--isolation=native', '--cgroup-parent=/stave-test-devices'],
  },
}

describe.each(Object.entries(places))('root of a step, %s,', (_, { args, options }) => {
  test('makes nodes of any device, and opens none of the machine’s', async () => {
    const { code, stderr } = await new Project(base, { Dockerfile: dockerfile }, options).try(...args)
    expect({ code, stderr }).toMatchObject({ code: 0 })
  })

  test('opens those of the machine where the caller has allowed it, and the next step does not', async () => {
    const insecure = `RUN --security=insecure mknod /disk ${disk} && ! ( ${refused('/disk')} )\nRUN ${refused('/disk')}\n`
    const { code, stderr } = await new Project(base, { Dockerfile: `FROM base\n${insecure}` }, options).try(
      '--allow=security.insecure',
      ...args,
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
  })
})
