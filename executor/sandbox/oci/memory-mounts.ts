import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { mount, mountFlags, unmount } from '../../linux/index.ts'
import type { SandboxProcess } from '../sandbox.ts'

/** The same process, whose tmpfs mounts are made here, in its scratch folder, and bound: runc gives a tmpfs the mode of the directory below it, whatever it is
 *  told. Disposing unmounts them.
 *  @throws {LinuxError} */
export function premountMemory(process: SandboxProcess): Disposable & { readonly process: SandboxProcess } {
  const mounted: string[] = []
  const dispose = (): void => {
    for (let path = mounted.pop(); path !== undefined; path = mounted.pop()) unmount(path, 'lazy')
  }
  try {
    const mounts = process.mounts.map((wanted, index) => {
      if (wanted.kind !== 'tmpfs') return wanted
      const source = join(process.scratch, `memory-${index}`)
      mkdirSync(source)
      const size = wanted.sizeBytes === undefined ? [] : [`size=${wanted.sizeBytes}`]
      const options = [`mode=${wanted.mode.toString(8)}`, ...size].join(',')
      mount({ source: 'tmpfs', target: source, type: 'tmpfs', flags: mountFlags.noSuid, options })
      mounted.push(source)
      const { target } = wanted
      return { kind: 'bind', source, target, readOnly: false, hardened: false, noExec: false } as const
    })
    return { process: { ...process, mounts }, [Symbol.dispose]: dispose }
  } catch (error) {
    dispose()
    throw error
  }
}
