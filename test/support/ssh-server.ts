import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort, listening } from './ports.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface SshServer {
  /** `ssh://root@127.0.0.1:<port>` */
  readonly url: string
  /** File of the only key that it lets in. */
  readonly key: string
}

/** An OpenSSH server on this machine, until the running test has finished. Only for root. */
export async function startSshServer(): Promise<SshServer> {
  const folder = temporaryFolder()
  const [hostKey, key] = ['host', 'user'].map((name) => makeKey(join(folder, name))) as [string, string]
  const port = await freePort()
  const config = join(folder, 'sshd_config')
  writeFileSync(
    config,
    `ListenAddress 127.0.0.1\nPort ${port}\nHostKey ${hostKey}\nAuthorizedKeysFile ${key}.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n`,
  )
  mkdirSync('/run/sshd', { recursive: true })
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: 'ignore' })
  onTestFinished(async () => {
    const exit = once(server, 'exit')
    server.kill('SIGTERM')
    await exit
  })
  await listening(port)
  return { url: `ssh://root@127.0.0.1:${port}`, key }
}

function makeKey(path: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path])
  return path
}

/** An agent that knows the key, until the running test has finished.
 *  @returns its socket */
export async function startSshAgent(key: string): Promise<string> {
  const socket = join(temporaryFolder(), 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(async () => {
    const exit = once(agent, 'exit')
    agent.kill('SIGTERM')
    await exit
  })
  await once(agent.stdout, 'data') // then the socket is there
  execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
  return socket
}
