import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  boundingCapabilities,
  closeProcess,
  effectiveCapabilities,
  findOpenFileLimit,
  getLimit,
  isInsideUserNamespace,
  isKernelAtLeast,
  openProcess,
  processStat,
  signalName,
  signalProcess,
} from './index.ts'

test('capabilities are those of /proc/self/status', () => {
  const status = readFileSync('/proc/self/status', 'utf8')
  const count = (field: string): number => {
    const mask = BigInt(`0x${new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '0'}`)
    return [...mask.toString(2)].filter((bit) => bit === '1').length
  }
  expect(effectiveCapabilities().length).toBe(count('CapEff'))
  expect(boundingCapabilities().length).toBe(count('CapBnd'))
})

test('limits are those of /proc/self/limits', () => {
  expect(getLimit('nofile')).toEqual(findOpenFileLimit(process.pid))
  expect(findOpenFileLimit(2 ** 30)).toBeUndefined()
})

test('a process descriptor signals that process', async () => {
  const child = spawn('sleep', ['1000'])
  const pidfd = openProcess(child.pid ?? 0)
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  expect(processStat(child.pid ?? 0)).toMatchObject({ parent: process.pid })
  signalProcess(pidfd, 'SIGTERM')
  expect(await ended).toBe('SIGTERM')
  closeProcess(pidfd)
  expect(() => openProcess(2 ** 22 - 1)).toThrow('ESRCH')
})

test.each([
  ['5.3.0', 5, 3, true],
  ['5.2.21-generic', 5, 3, false],
  ['6.18.44-fc-v669', 5, 12, true],
  ['4.18.0-553.el8', 5, 3, false],
  ['10.0', 6, 7, true],
])('%s is at least %i.%i: %s', (text, major, minor, expected) => {
  expect(isKernelAtLeast(major, minor, text)).toBe(expected)
})

test('signals have names', () => {
  expect([9, 11, 15, 40].map((number) => signalName(number))).toEqual(['SIGKILL', 'SIGSEGV', 'SIGTERM', 'SIG40'])
})

test('a user namespace is known by its map', () => {
  expect(isInsideUserNamespace('         0          0 4294967295\n')).toBe(false)
  expect(isInsideUserNamespace('         0       1000          1\n         1     200000      65535\n')).toBe(true)
})
