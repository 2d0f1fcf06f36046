import { existsSync, writeFileSync, chmodSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { GitFailure, runGit, type GitOptions } from './git-program.ts'

function run(args: readonly string[], options: Partial<GitOptions> = {}): Promise<string> {
  return runGit(args, {
    cwd: temporaryFolder(),
    env: process.env,
    protocols: 'none',
    signal: new AbortController().signal,
    ...options,
  })
}

test('what git prints is given back', async () => {
  expect(await run(['hash-object', '-t', 'tree', '/dev/null'])).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904\n')
})

test('what git complains of is thrown, without control characters', async () => {
  const failure = await run(['no-such\u001b[31m-command']).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(GitFailure)
  expect((failure as GitFailure).complaint).toMatch(/^git: 'no-such \[31m-command' is not a git command/)
})

test('the user’s configuration and environment do not count', async () => {
  const home = temporaryFolder()
  const proof = join(home, 'ran')
  writeFileSync(join(home, '.gitconfig'), `[alias]\n\tevil = !touch ${proof}\n[user]\n\tname = somebody\n`)
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'user.name',
    GIT_CONFIG_VALUE_0: 'somebody',
    GIT_SSH_COMMAND: `touch ${proof}`,
    GIT_TRACE: proof,
    GIT_DIR: home,
  }
  await expect(run(['evil'], { env })).rejects.toBeInstanceOf(GitFailure)
  await expect(run(['config', 'user.name'], { env })).rejects.toBeInstanceOf(GitFailure)
  await expect(run(['ls-remote', 'ssh://x/y'], { env, protocols: 'network' })).rejects.toBeInstanceOf(GitFailure)
  expect(existsSync(proof)).toBe(false)
})

test('hooks do not run', async () => {
  const cwd = temporaryFolder()
  await run(['init', '-q'], { cwd })
  mkdirSync(join(cwd, '.git/hooks'), { recursive: true })
  writeFileSync(join(cwd, '.git/hooks/pre-commit'), `#!/bin/sh\ntouch ${cwd}/ran\n`)
  chmodSync(join(cwd, '.git/hooks/pre-commit'), 0o755)
  await run(['-c', 'user.name=a', '-c', 'user.email=b', 'commit', '-q', '--allow-empty', '-m', 'm'], { cwd })
  expect(existsSync(join(cwd, 'ran'))).toBe(false)
})

for (const address of ['file:///etc', '/etc', 'ext::touch x', 'fd::7', 'ftp://127.0.0.1/x', '--upload-pack=touch x']) {
  test(`${address} is no address that git may go to`, async () => {
    await expect(run(['ls-remote', '--', address], { protocols: 'network' })).rejects.toMatchObject({
      complaint: expect.stringMatching(/not allowed|strange|does not appear|Unable to find/) as string,
    })
  })
}

test('settings reach git, but not its command line', async () => {
  const config = { 'http.extraHeader': 'Authorization: secret' }
  expect(await run(['config', 'http.extraHeader'], { config })).toBe('Authorization: secret\n')
})

test('a server that says nothing is given up', async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets: { destroy(): void }[] = []
  server.on('connection', (socket) => sockets.push(socket))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = `git://127.0.0.1:${(server.address() as AddressInfo).port}/x`
  await expect(run(['ls-remote', '--', address], { protocols: 'network', idleMs: 300 })).rejects.toMatchObject({
    complaint: 'nothing was heard for 0.3 seconds',
  })
})

test('an aborted git is gone, and the reason is thrown', async () => {
  const reason = new Error('enough')
  await expect(run(['version'], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
