import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { parseSsh } from './parse-ssh.ts'

test('an id alone is the agent of the environment', () => {
  expect([parseSsh('default'), parseSsh('git=')]).toEqual([
    ['default', {}],
    ['git', {}],
  ])
})

test('what is no socket is a key', () => {
  expect(parseSsh('git=/k/a,/k/b')).toEqual(['git', { keys: ['/k/a', '/k/b'] }])
})

test('a socket is an agent, alone', async () => {
  const path = join(temporaryFolder(), 'agent')
  const server = createServer().listen(path)
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  expect(parseSsh(`git=${path}`)).toEqual(['git', { socket: path }])
  expect(() => parseSsh(`git=${path},/k/a`)).toThrow('an agent is one socket, or keys')
})

test.each(['', '=', '=/k/a'])('the agent %j cannot be read', (text) => {
  expect(() => parseSsh(text)).toThrow('Cannot read --ssh')
})
