import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { findDevices } from './find-devices.ts'

function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  return folder
}

const gpus = {
  cdiVersion: '0.6.0',
  kind: 'vendor.com/gpu',
  containerEdits: { env: ['ALL=1'] },
  devices: [
    { name: '0', containerEdits: { deviceNodes: [{ path: '/dev/gpu0', hostPath: '/dev/zero' }], env: ['GPU=0'] } },
    {
      name: '1',
      containerEdits: { mounts: [{ hostPath: '/lib', containerPath: '/gpu', options: ['ro', 'nosuid', 'nodev'] }] },
    },
  ],
}

async function namesOf(name: string, folders: readonly string[], required = false): Promise<readonly string[]> {
  return (await findDevices([{ name, required }], folders)).map((device) => device.name)
}

test('a device has what is said of it, and of all beside it', async () => {
  expect(await findDevices([{ name: 'vendor.com/gpu=0', required: true }], [folderWith({ 'gpu.json': gpus })])).toEqual(
    [
      {
        name: 'vendor.com/gpu=0',
        env: ['ALL=1', 'GPU=0'],
        nodes: [{ path: '/dev/gpu0', hostPath: '/dev/zero', mode: undefined, uid: undefined, gid: undefined }],
        mounts: [],
        groups: [],
      },
    ],
  )
})

test('a name is one device, all of a class, or the first', async () => {
  const folders = [folderWith({ 'gpu.json': gpus })]
  expect(await namesOf('vendor.com/gpu=1', folders)).toEqual(['vendor.com/gpu=1'])
  expect(await namesOf('vendor.com/gpu=*', folders)).toEqual(['vendor.com/gpu=0', 'vendor.com/gpu=1'])
  expect(await namesOf('vendor.com/gpu', folders)).toEqual(['vendor.com/gpu=0'])
  expect(await namesOf('vendor.com/gp', folders)).toEqual([])
  expect(await namesOf('vendor.com/gpu=2', folders)).toEqual([])
})

test('a device that is required and not there is an error that lists those that are', async () => {
  await expect(namesOf('vendor.com/gpu=2', [folderWith({ 'gpu.json': gpus })], true)).rejects.toMatchObject({
    code: 'DEVICE_NOT_FOUND',
    hint: 'There are: vendor.com/gpu=0, vendor.com/gpu=1.',
  })
  await expect(namesOf('vendor.com/gpu=2', ['/no/such/folder'], true)).rejects.toMatchObject({
    code: 'DEVICE_NOT_FOUND',
  })
})

test('descriptions are JSON or YAML, and a later folder’s count', async () => {
  const yaml =
    'cdiVersion: "0.6.0"\nkind: vendor.com/gpu\ndevices:\n- name: "0"\n  containerEdits:\n    env:\n    - LATER=yes\n'
  const [device] = await findDevices(
    [{ name: 'vendor.com/gpu=0', required: true }],
    [folderWith({ 'gpu.json': gpus }), folderWith({ 'gpu.yaml': yaml, 'readme.txt': 'no description' })],
  )
  expect(device?.env).toEqual(['LATER=yes'])
})

const refused: Readonly<Record<string, unknown>> = {
  hooks: { hooks: [{ hookName: 'createContainer', path: '/bin/true' }] },
  'a file system': { mounts: [{ hostPath: 'tmpfs', containerPath: '/x', type: 'tmpfs' }] },
  'an option that we do not know': { mounts: [{ hostPath: '/x', containerPath: '/x', options: ['idmap'] }] },
  'a relative path': { deviceNodes: [{ path: 'dev/x' }] },
  'a variable without a name': { env: ['=x'] },
  'what is no text': { env: [1] },
}

for (const [what, containerEdits] of Object.entries(refused)) {
  test(`a device that needs ${what} is refused`, async () => {
    const spec = { kind: 'v.com/c', devices: [{ name: 'd', containerEdits }] }
    await expect(namesOf('v.com/c=d', [folderWith({ 'd.json': spec })])).rejects.toMatchObject({
      code: 'DEVICE_INVALID',
    })
  })
}

test('a description that cannot be read is named', async () => {
  await expect(namesOf('v.com/c=d', [folderWith({ 'd.json': '{' })])).rejects.toThrow(/Cannot read .*d\.json/)
  await expect(namesOf('v.com/c=d', [folderWith({ 'd.json': { kind: 'x' } })])).rejects.toThrow(
    /Cannot read .*d\.json: kind/,
  )
})
