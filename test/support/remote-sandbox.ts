import type { IsolationName, Sandbox, SandboxExit } from '../../executor/sandbox/index.ts'
import { openNamespaces, type NamespaceOptions } from './in-namespaces.ts'

/** A sandbox that lives in a process like the executor. */
export interface RemoteSandbox extends Sandbox {
  /** Mounts, processes and descriptors of that process's namespaces. */
  inventory(): Promise<readonly string[]>
  /** Ends that process as `kill -9` would. */
  kill(): void
}

export interface RemoteOptions extends Pick<NamespaceOptions, 'as' | 'prefix'> {
  readonly searchPath?: string
  /** Folder of a cgroup to work in. */
  readonly cgroup?: string
}

export async function openRemoteSandbox(
  requested: 'auto' | IsolationName,
  { as = 'root', prefix = [], searchPath = process.env['PATH'] ?? '', cgroup }: RemoteOptions = {},
): Promise<RemoteSandbox> {
  const enter = cgroup === undefined ? [] : ['sh', '-c', 'echo 0 > "$0/cgroup.procs" && exec "$@"', cgroup]
  const namespaces = await openNamespaces('test/support/sandbox-host.ts', {
    as,
    prefix: [...enter, ...prefix],
  })
  let opened: { readonly name: IsolationName; readonly fallbackReason?: string }
  try {
    opened = (await namespaces.call('open', [requested, searchPath])) as typeof opened
  } catch (error) {
    await namespaces[Symbol.asyncDispose]()
    throw error
  }
  let killed = false
  return {
    name: opened.name,
    fallbackReason: opened.fallbackReason,
    run: async (process, { signal, onOutput }) => {
      signal.throwIfAborted()
      const onEvent = (event: unknown): void => {
        const { stream, chunk } = event as { readonly stream: 'stdout' | 'stderr'; readonly chunk: string }
        onOutput(stream, Buffer.from(chunk, 'base64'))
      }
      return (await namespaces.call('run', [process], { signal, onEvent })) as SandboxExit
    },
    inventory: async () => (await namespaces.call('inventory', [])) as readonly string[],
    kill: () => {
      killed = true
      namespaces.kill()
    },
    [Symbol.asyncDispose]: async () => {
      if (!killed) await namespaces.call('close', [])
      await namespaces[Symbol.asyncDispose]()
    },
  }
}
