import { BuildError } from '../../../core/errors.ts'
import { becomeSubreaper, effectiveCapabilities } from '../../linux/index.ts'
import type { DeviceGuard } from '../device-guard.ts'
import { runConfined } from '../native/index.ts'
import type { Sandbox, SandboxExit, SandboxIo, SandboxProcess } from '../sandbox.ts'
import { hasFilter } from '../seccomp/index.ts'
import { endLeftovers } from '../supervise.ts'
import { placeStandIns, type StandIns } from './stand-ins.ts'

const { arch } = globalThis.process

export interface ChrootOptions {
  readonly openFiles: number | undefined
  readonly guard: DeviceGuard
  /** We have a mount namespace of our own. */
  readonly ownMounts: boolean
}

/** Runs processes where no namespace can be had: in another root, with fewer capabilities, and with all that they start ended together with them. They see the
 *  machine's processes, its network and its host name, they have no /proc and /sys, and what would be mounted is put into the root for the
 *  time being: weaker than the others, for builds inside a container that is a sandbox already. One process at a time. */
export function openChrootSandbox({ openFiles, guard, ownMounts }: ChrootOptions): Sandbox {
  becomeSubreaper()
  const isAdministrator = effectiveCapabilities().includes('CAP_SYS_ADMIN')
  const mayFilter = hasFilter(arch) && isAdministrator
  let queue: Promise<unknown> = Promise.resolve()

  const runAlone = async (process: SandboxProcess, io: SandboxIo): Promise<SandboxExit> => {
    io.signal.throwIfAborted()
    const standIns = standInsFor(process, ownMounts && isAdministrator)
    try {
      return await runConfined(process, io, {
        confinement: { kind: 'chroot', network: process.network === 'none' ? 'none' : 'shared' },
        openFiles,
        guard,
        filtersSyscalls: mayFilter && process.security === 'sandbox',
        afterEnd: endLeftovers,
      })
    } finally {
      standIns[Symbol.dispose]()
    }
  }

  return {
    name: 'chroot',
    fallbackReason: undefined,
    run: (process, io) => {
      const result = queue.then(() => runAlone(process, io))
      queue = result.catch(() => undefined)
      return result
    },
    [Symbol.asyncDispose]: async () => {
      await queue
    },
  }
}

function standInsFor(process: SandboxProcess, mayMount: boolean): StandIns {
  try {
    return placeStandIns(process, mayMount)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new BuildError('SANDBOX_FAILED', `Cannot set up the sandbox: ${reason}`, { cause: error })
  }
}
