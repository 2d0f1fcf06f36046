import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
  lstatSync,
} from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import {
  cloneFile,
  copyFileRange,
  deviceNumber,
  getXattr,
  isErrno,
  LinuxError,
  listXattrs,
  makeNode,
  openInRoot,
  openNoFollow,
  openPathOnly,
  removeXattr,
  scatterFolders,
  setFileTimes,
  setMtime,
  setXattr,
} from './index.ts'

test('attributes come back as they were set, and in order', () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  expect(listXattrs(file).size).toBe(0)
  setXattr(file, 'user.b', Buffer.from([0, 255]))
  setXattr(file, 'user.a', Buffer.alloc(0))
  setXattr(file, 'user.b', Buffer.alloc(3000, 7))
  expect([...listXattrs(file)].map(([name, value]) => [name, value.length])).toEqual([
    ['user.a', 0],
    ['user.b', 3000],
  ])
  expect(getXattr(file, 'user.none')).toBeUndefined()
  removeXattr(file, 'user.b')
  removeXattr(file, 'user.b')
  expect([...listXattrs(file).keys()]).toEqual(['user.a'])
})

test('attributes of a link are not those of its target', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  setXattr(join(folder, 'file'), 'user.a', Buffer.from('x'))
  symlinkSync('file', join(folder, 'link'))
  expect(listXattrs(join(folder, 'link')).size).toBe(0)
})

test('what the kernel refuses is thrown with call, path and name', () => {
  const path = join(temporaryFolder(), 'missing')
  const failure = (): unknown => {
    try {
      return listXattrs(path)
    } catch (error) {
      return error
    }
  }
  const error = failure()
  expect(error).toBeInstanceOf(LinuxError)
  expect(error).toMatchObject({ call: 'llistxattr', path, code: 'ENOENT', errno: 2 })
  expect(isErrno(error, 'ENOENT')).toBe(true)
  expect(() => getXattr('a\0b', 'user.a')).toThrow('EINVAL')
})

test('names that are no UTF-8 work as bytes', () => {
  const bytes = Buffer.concat([Buffer.from(join(temporaryFolder(), 'x')), Buffer.from([0xff, 0xfe])])
  writeFileSync(bytes, '')
  setXattr(bytes, 'user.a', Buffer.from('1'))
  expect(listXattrs(bytes).size).toBe(1)
  setFileTimes(bytes, 5n)
  expect(statSync(bytes, { bigint: true }).mtimeNs).toBe(5n)
})

test.each([0n, 1n, -1n, -1_500_000_001n, 1_700_000_000_123_456_789n, 4_294_967_296_000_000_001n])(
  'times are set to the nanosecond: %i',
  (timeNs) => {
    const folder = temporaryFolder()
    symlinkSync('nowhere', join(folder, 'link'))
    setFileTimes(join(folder, 'link'), timeNs, 7n)
    const { mtimeNs, atimeNs } = lstatSync(join(folder, 'link'), { bigint: true })
    expect([mtimeNs, atimeNs]).toEqual([timeNs, 7n])
  },
)

test('setMtime() leaves the time of access', () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  setFileTimes(file, 1n, 2n)
  setMtime(file, 3, 4)
  const { mtimeNs, atimeNs } = statSync(file, { bigint: true })
  expect([mtimeNs, atimeNs]).toEqual([3_000_000_004n, 2n])
})

test('nodes are of the kind and number asked for', () => {
  const folder = temporaryFolder()
  makeNode(join(folder, 'whiteout'), 'character-device', 0, 0)
  makeNode(join(folder, 'block'), 'block-device', 300, 70_000)
  makeNode(join(folder, 'fifo'), 'fifo', 9, 9)
  expect(statSync(join(folder, 'whiteout'))).toMatchObject({ rdev: 0 })
  expect(statSync(join(folder, 'block')).isBlockDevice()).toBe(true)
  expect(statSync(join(folder, 'block')).rdev).toBe(deviceNumber(300, 70_000))
  expect(statSync(join(folder, 'fifo')).isFIFO()).toBe(true)
})

test('openInRoot() takes the tree for all there is', () => {
  const root = temporaryFolder()
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc/file'), 'inside')
  symlinkSync('/etc/file', join(root, 'absolute'))
  symlinkSync('../../../../../../etc/file', join(root, 'etc/relative'))
  symlinkSync('/etc/passwd', join(root, 'passwd'))
  symlinkSync('/proc/self/root', join(root, 'magic'))
  const rootFd = openSync(root, constants.O_DIRECTORY)
  const read = (path: string): string => {
    const fd = openInRoot(rootFd, path, constants.O_RDONLY)
    const text = Buffer.alloc(64)
    const sizeBytes = readSync(fd, text)
    closeSync(fd)
    return text.toString('utf8', 0, sizeBytes)
  }
  expect(['etc/file', '/etc/file', '../../etc/file', 'absolute', 'etc/relative'].map(read)).toEqual(
    Array(5).fill('inside'),
  )
  for (const path of ['passwd', 'magic', 'nothing']) expect(() => read(path)).toThrow(LinuxError)
  const link = openInRoot(rootFd, 'passwd', openPathOnly | openNoFollow)
  expect(readlinkSync(`/proc/self/fd/${String(link)}`)).toBe(join(root, 'passwd'))
  for (const fd of [link, rootFd]) closeSync(fd)
})

test('copyFileRange() copies all, and cloneFile() all or nothing', () => {
  const folder = temporaryFolder()
  const content = Buffer.alloc(3_000_000, 'content ')
  writeFileSync(join(folder, 'from'), content)
  const from = openSync(join(folder, 'from'), 'r')
  const to = openSync(join(folder, 'to'), 'w')
  const cloned = cloneFile(from, to)
  expect(statSync(join(folder, 'to')).size).toBe(cloned ? content.length : 0)
  if (!cloned) expect(copyFileRange(from, to)).toBe(content.length)
  for (const fd of [from, to]) closeSync(fd)
  expect(readFileSync(join(folder, 'to')).equals(content)).toBe(true)
})

test('koffi works in a worker thread too', async () => {
  const source = `
    const koffi = require('koffi')
    const { parentPort } = require('node:worker_threads')
    parentPort.postMessage(koffi.load(null).func('int getpid()')())`
  const worker = new Worker(source, { eval: true })
  const pid = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await worker.terminate()
  expect(pid).toBe(process.pid)
})

const ext4 = 0xef53

test('folders that are made in a scattered one lie in different groups of inodes', ({ skip }) => {
  const folder = temporaryFolder()
  if (statfsSync(folder).type !== ext4) skip('only ext4 can be asked for that')
  scatterFolders(folder)
  scatterFolders(folder)
  const inodesPerGroup = 8192
  const groups = Array.from({ length: 20 }, (_, index) => {
    const made = join(folder, `folder${index}`)
    mkdirSync(made)
    return Math.floor(statSync(made).ino / inodesPerGroup)
  })
  expect(new Set(groups).size).toBeGreaterThan(10)
})

test('a file system that cannot scatter folders says so', ({ skip }) => {
  if (statfsSync('/proc').type === ext4) skip('/proc is none here')
  expect(() => scatterFolders('/proc/self')).toThrow(LinuxError)
})
