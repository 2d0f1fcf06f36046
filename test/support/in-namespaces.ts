import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, chmodSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** A process like the executor: in a mount and a pid namespace of its own, so that nothing a test mounts or starts is ever seen outside, and all of it is
 *  gone with the process. */
export interface Namespaces extends AsyncDisposable {
  /** Calls an exported function of the module. Arguments and results cross as JSON.
   *  @param onEvent receives what the function passes to its last argument, `emit` */
  call(name: string, args: readonly unknown[], options?: CallOptions): Promise<unknown>
  /** Ends the process at once, and everything in its namespaces with it. */
  kill(): void
}

export interface CallOptions {
  readonly onEvent?: (event: unknown) => void
  /** Aborts the signal that the function finds in its `Call`. */
  readonly signal?: AbortSignal
}

/** The last argument of every function that is called so. */
export interface Call {
  readonly emit: (event: unknown) => void
  readonly signal: AbortSignal
}

export interface NamespaceOptions {
  /** `rootless`: as user 1000, who is root of a user namespace, with 65536 subordinate ids. The machine's own /etc/subuid and /etc/subgid stay as they are. */
  readonly as?: 'root' | 'rootless'
  /** Put before Node: `setpriv …`. */
  readonly prefix?: readonly string[]
}

const namespaceFlags = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']

function commandFor(as: 'root' | 'rootless', folder: string): readonly string[] {
  switch (as) {
    case 'root':
      return ['unshare', ...namespaceFlags, '--']
    case 'rootless': {
      const ids = join(folder, 'subordinate-ids')
      writeFileSync(ids, '1000:200000:65536\n')
      // crun refuses machines that mount both versions of cgroups, and an ordinary user cannot take one out of its sight.
      const oneVersion = 'umount /sys/fs/cgroup/unified 2>/dev/null'
      const cover = `mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid; ${oneVersion}; exec "$@"`
      return [
        ...['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', cover, ids],
        ...['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups', '--'],
        ...['unshare', '--user', '--map-auto', '--map-root-user', ...namespaceFlags, '--'],
      ]
    }
    default:
      return as satisfies never
  }
}

/** @param module path of a TypeScript module inside the project, from the project's folder */
export async function openNamespaces(module: string, options: NamespaceOptions = {}): Promise<Namespaces> {
  const { as = 'root', prefix = [] } = options
  const folder = mkdtempSync(join(tmpdir(), 'stave-namespaces-'))
  chmodSync(folder, 0o755)
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  await bundle(join(folder, 'main.mjs'), mainOf(join(project, module)))
  const [command, ...args] = [...commandFor(as, folder), ...prefix, process.execPath, join(folder, 'main.mjs')]
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], cwd: '/' })
  const ended = once(child, 'exit')
  const waiting = new Map<number, Waiting>()
  child.on('message', (message) => {
    const reply = message as Reply
    const call = waiting.get(reply.id)
    if (reply.kind === 'event') call?.onEvent(reply.event)
    else {
      waiting.delete(reply.id)
      if (reply.kind === 'result') call?.resolve(reply.result)
      else call?.reject(Object.assign(new Error(reply.message), reply.properties))
    }
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process in the namespaces has ended'))
  })
  let next = 0
  return {
    kill: () => child.kill('SIGKILL'),
    call: (name, args, { onEvent, signal } = {}) => {
      const id = next++
      signal?.addEventListener('abort', () => child.send({ kind: 'abort', id }))
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject, onEvent: onEvent ?? (() => undefined) })
        child.send({ kind: 'call', id, name, args })
      })
    },
    [Symbol.asyncDispose]: async () => {
      if (child.connected) child.disconnect()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly onEvent: (event: unknown) => void
}

type Reply = { readonly id: number } & (
  | { readonly kind: 'event'; readonly event: unknown }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly message: string; readonly properties: object }
)

async function bundle(outfile: string, contents: string): Promise<void> {
  const stdin = { contents, resolveDir: project, loader: 'ts' } as const
  const settings = { bundle: true, platform: 'node', target: 'node20', format: 'esm', logLevel: 'error' } as const
  await build({ stdin, outfile, ...settings })
}

function mainOf(module: string): string {
  return `
    import * as module from ${JSON.stringify(module)}
    const controllers = new Map()
    process.on('message', async ({ kind, id, name, args, folder }) => {
      if (kind === 'abort') return controllers.get(id)?.abort(new Error('aborted by the test'))
      const controller = new AbortController()
      controllers.set(id, controller)
      const send = (message) => process.connected && process.send({ id, ...message })
      const emit = (event) => send({ kind: 'event', event })
      try {
        const call = { emit, signal: controller.signal, folder }
        send({ kind: 'result', result: await module[name](...args, call) })
      } catch (error) {
        const { code, hint, name: type } = error
        send({ kind: 'error', message: error.message, properties: { code, hint, name: type } })
      }
    })
    process.on('disconnect', () => process.exit(0))
  `
}
