import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { canMountImages, mountImage } from '../erofs/index.ts'
import { isSmallCopy, smallWork } from '../files/is-small.ts'
import { isErrno, LinuxError, scatterFolders } from '../linux/index.ts'
import { makeMemoryFolder } from '../ops/memory-folder.ts'
import { packFiles } from '../ops/pack-files.ts'
import { runProcess } from '../ops/run.ts'
import type { BindSource } from '../ops/run-mounts.ts'
import { hasSecrets } from '../ops/secrets.ts'
import {
  noDeviceGuard,
  openDeviceGuard,
  openSandbox,
  type DeviceGuard,
  type Sandbox,
  type SandboxIo,
} from '../sandbox/index.ts'
import type { ActiveRoot } from '../snapshot/active-root.ts'
import { openCopiedRoot } from '../snapshot/copied-root.ts'
import { openOverlayRoot } from '../snapshot/overlay-root.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { RecordedTree } from '../tree/remembered-tree.ts'
import { filesSource, moveIntoPlace, removeBehind, threadCalls, writeLayerFolder } from './calls.ts'
import type {
  CallName,
  CallRequest,
  CallResult,
  FilesCall,
  MountImageCall,
  OpenedSandbox,
  PackCall,
  PackFilesCall,
  RunCall,
  ScatterCall,
  UnpackCall,
} from './protocol.ts'
import { openBindSource } from './bind-source.ts'
import { ThreadPool } from './thread-pool.ts'

/** What the executor process can do. */
export class ExecutorService {
  readonly #threads = new ThreadPool(new URL('./executor.cjs', import.meta.url))
  #sandbox: Sandbox | undefined
  #guard: DeviceGuard = noDeviceGuard
  #mountsWork = true
  #mountsImages: boolean | undefined
  #memoryFolder: string | undefined

  async call(name: CallName, request: unknown, io: SandboxIo): Promise<unknown> {
    switch (name) {
      case 'scatter':
        scatter(request as ScatterCall)
        return undefined
      case 'startThreads':
        this.#threads.startAll()
        return undefined
      case 'openSandbox':
        return this.#openSandbox(request as CallRequest<'openSandbox'>)
      case 'run':
        await this.#run(request as RunCall, io)
        return undefined
      case 'pack':
        return this.#pack(request as PackCall)
      case 'files':
        return this.#files(request as FilesCall)
      case 'unpack':
        return this.#unpack(this.#withImage(request as UnpackCall))
      case 'mountImage':
        return isApart && mountImage(request as MountImageCall)
      case 'packFiles':
        return this.#packFiles(request as PackFilesCall)
      default:
        return this.#threads.call(name, request)
    }
  }

  /** For an end that nobody cleans up after. */
  leaveGuard(): void {
    this.#guard.leave()
  }

  async #openSandbox({ isolation, openFiles, owner }: CallRequest<'openSandbox'>): Promise<OpenedSandbox> {
    if (!isApart && isolation !== 'auto' && isolation !== 'chroot') throw notApart(isolation)
    this.#guard = await openDeviceGuard(owner)
    this.#sandbox = await openSandbox(isApart ? isolation : 'chroot', {
      openFiles,
      ownMounts: isApart,
      guard: this.#guard,
    })
    const { name, fallbackReason } = this.#sandbox
    return { name, fallbackReason: fallbackReason ?? (isApart ? undefined : noNamespaces) }
  }

  async #run({ lower, sources, layer, scratch, ...given }: RunCall, io: SandboxIo): Promise<void> {
    if (this.#sandbox === undefined) throw new Error('run was called before openSandbox')
    mkdirSync(scratch)
    {
      using runFolder = this.#openRunFolder(scratch, given)
      await using root = await this.#openRoot(scratch, runFolder.path, lower)
      const opened: (BindSource & Disposable)[] = []
      try {
        for (const [index, source] of sources.entries())
          opened.push(await openBindSource(source, join(scratch, `s${index}`), this.#mayMount()))
        const request = { ...given, sources: opened, scratch: runFolder.path, staging: scratch }
        await runProcess(request, root, this.#sandbox, io)
      } finally {
        for (const source of opened) source[Symbol.dispose]()
      }
      await moveIntoPlace(await root.freeze(), layer)
    }
    setImmediate(() => removeRemains(scratch))
  }

  /** Not for the chroot sandbox: it moves directories about for a while, which mounts are in the way of. */
  #mayMount(): boolean {
    return this.#mountsWork && this.#sandbox?.name !== 'chroot'
  }

  /** A folder of small files, that what mounts a root is mounted in: in memory, where no disk has to make and forget them with every step. There, what a run with secrets
   *  writes, such as a runtime's bundle with the environment, never gets to a disk, and device nodes work, wherever the store is. */
  #openRunFolder(scratch: string, { op, secrets, devices }: RunGifts): RunFolder {
    const inMemory = isApart && (this.#mayMount() || hasSecrets(op, secrets) || devices.length > 0)
    // A runtime that makes a cgroup names it so: by the build's own folder, for whoever has to clean up.
    const name = `${basename(dirname(scratch))}~${basename(scratch)}`
    const path = join(inMemory ? this.#inMemory(scratch) : scratch, name)
    mkdirSync(path)
    return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
  }

  /** The folder in memory of all runs. It is hidden from every other process, and goes with this one's mounts. */
  #inMemory(scratch: string): string {
    if (this.#memoryFolder === undefined) {
      const path = `${scratch}-memory`
      makeMemoryFolder(path)
      this.#memoryFolder = path
    }
    return this.#memoryFolder
  }

  async #openRoot(folder: string, runFolder: string, lower: readonly string[]): Promise<ActiveRoot> {
    if (this.#mayMount()) {
      const path = join(runFolder, 'root')
      mkdirSync(path)
      try {
        return openOverlayRoot(folder, path, lower)
      } catch (error) {
        if (!isErrno(error, 'EPERM', 'ENODEV', 'EINVAL')) throw error
        this.#mountsWork = false
        await rm(folder, { recursive: true })
        await mkdir(folder)
      }
    }
    return openCopiedRoot(folder, lower)
  }

  async #files(request: FilesCall): Promise<CallResult<'files'>> {
    const { op, nowNs } = request
    const sources = request.sources.map(filesSource)
    if (isSmallCopy(op, sources)) {
      await writeLayerFolder(request, { op, sources, nowNs })
      return undefined
    }
    return (await this.#threads.call('files', this.#withImage(request))) as CallResult<'files'>
  }

  /** The request without an image, where none could be shown. */
  #withImage<Request extends { readonly image?: string | undefined; readonly scratch: string }>(
    request: Request,
  ): Request {
    this.#mountsImages ??= isApart && canMountImages(dirname(request.scratch))
    return this.#mountsImages ? request : { ...request, image: undefined }
  }

  async #packFiles(request: PackFilesCall): Promise<CallResult<'packFiles'>> {
    const { op, lower, path, compression, former, nowNs } = request
    const sources = request.sources.map(filesSource)
    if (isSmallCopy(op, sources)) {
      const below = new RecordedTree(new LayeredTree(lower))
      const packed = await packFiles({ op, sources, nowNs }, below, path, { compression, former })
      return packed && { packed, answers: below.answers }
    }
    return (await this.#threads.call('packFiles', request)) as CallResult<'packFiles'>
  }

  async #unpack(request: UnpackCall): Promise<CallResult<'unpack'>> {
    if (statSync(request.archive.path).size <= smallArchiveBytes) return threadCalls.unpack(request)
    return (await this.#threads.call('unpack', request)) as CallResult<'unpack'>
  }

  async #pack(request: PackCall): Promise<CallResult<'pack'>> {
    if (isSmall(request.folder)) return threadCalls.pack(request)
    return (await this.#threads.call('pack', request)) as CallResult<'pack'>
  }
}

/** Where no namespaces could be had, this process shares its mounts with the machine, and must leave them alone. */
const isApart = process.pid === 1

/** All that is lost otherwise is time. */
function scatter({ folders }: ScatterCall): void {
  try {
    for (const folder of folders) scatterFolders(folder)
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error
  }
}

/** To be called when the run's end has been told, and this thread has nothing to do until it hears of the next. What overlayfs leaves is gone sooner at once than call by
 *  call through other threads; the rest may be much. */
function removeRemains(scratch: string): void {
  try {
    rmSync(join(scratch, 'work'), { recursive: true, force: true })
  } catch {
    // It goes with the lease.
  }
  removeBehind(scratch)
}

type RunGifts = Pick<RunCall, 'op' | 'secrets' | 'devices'>

interface RunFolder extends Disposable {
  readonly path: string
}

const noNamespaces = 'this machine does not let this user make namespaces'

function notApart(isolation: string): BuildError {
  return new BuildError('SANDBOX_UNAVAILABLE', `Cannot use isolation "${isolation}": ${noNamespaces}`, {
    hint: 'Use --isolation chroot, which is weaker, or run as root or with user namespaces allowed.',
  })
}

/** Packed, whatever is in it: it is unpacked before a thread would have started. */
const smallArchiveBytes = smallWork.bytes / 2

function isSmall(folder: string): boolean {
  let entries = 0
  let bytes = 0
  const open = [folder]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const item of readdirSync(next, { withFileTypes: true })) {
      const path = join(next, item.name)
      if (item.isDirectory()) open.push(path)
      else if (item.isFile()) bytes += statSync(path).size
      if (++entries > smallWork.entries || bytes > smallWork.bytes) return false
    }
  }
  return true
}
