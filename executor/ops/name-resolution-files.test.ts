import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostsFile, resolvConf } from './name-resolution-files.ts'

test('the hosts are those that BuildKit gives, then those that were added', () => {
  expect(hostsFile('buildkitsandbox', [{ host: 'db', address: '10.0.0.1' }])).toBe(
    '127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.1\tdb\n',
  )
})

test('the name servers are the machine’s, unless only the machine itself can reach them', () => {
  const own = readFileSync('/etc/resolv.conf', 'utf8')
  expect(resolvConf() === own).toBe(!own.includes('127.0.0.53'))
})
