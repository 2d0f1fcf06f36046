import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../core/errors.ts'
import { formatPlatform, type Platform } from '../core/platform.ts'

/** What the header of a program says of the processor it is for.
 *  @see https://man7.org/linux/man-pages/man5/elf.5.html (e_machine) */
interface ProgramKind {
  readonly machine: number
  readonly bits: 32 | 64
  readonly order: 'little' | 'big'
}

const kinds: Readonly<Record<string, ProgramKind>> = {
  '386': { machine: 3, bits: 32, order: 'little' },
  amd64: { machine: 62, bits: 64, order: 'little' },
  arm: { machine: 40, bits: 32, order: 'little' },
  arm64: { machine: 183, bits: 64, order: 'little' },
  loong64: { machine: 258, bits: 64, order: 'little' },
  mips64le: { machine: 8, bits: 64, order: 'little' },
  ppc64le: { machine: 21, bits: 64, order: 'little' },
  riscv64: { machine: 243, bits: 64, order: 'little' },
  s390x: { machine: 22, bits: 64, order: 'big' },
}

/** Whether this machine's kernel can run the programs of other platforms, by itself or through an emulator that is registered with it
 *  (binfmt_misc). */
export class Emulation {
  readonly #machine: Platform
  readonly #folder: string
  readonly #known = new Map<string, boolean>()

  /** @param folder where a file may be left */
  constructor(machine: Platform, folder: string) {
    this.#machine = machine
    this.#folder = folder
  }

  /** @throws {BuildError} `PLATFORM_CANNOT_RUN` */
  readonly check = (platform: Platform): void => {
    const { os, architecture } = platform
    if (os === this.#machine.os && architecture === this.#machine.architecture) return
    const runs = this.#known.get(architecture) ?? (os === 'linux' && this.#tryOut(architecture))
    this.#known.set(architecture, runs)
    if (runs) return
    throw new BuildError(
      'PLATFORM_CANNOT_RUN',
      `Cannot run programs for ${formatPlatform(platform)} on this ${formatPlatform(this.#machine)} machine`,
      {
        hint:
          'Install an emulator that registers itself with the kernel: on Debian and Ubuntu the package qemu-user-static. ' +
          'Or let a stage FROM --platform=$BUILDPLATFORM do what has to be run, and copy from it.',
      },
    )
  }

  /** Lets the kernel read a script whose interpreter is nothing but the header of such a program. If nobody knows what to do with that, the kernel says so, and
   *  whoever started the script falls back on a shell, which reads its second line: execvp(3) has done so ever since. */
  #tryOut(architecture: string): boolean {
    const kind = kinds[architecture]
    if (kind === undefined) return false
    const program = join(this.#folder, `program-${architecture}`)
    const script = `${program}.sh`
    const unknown = 77
    writeFileSync(program, headerOf(kind), { mode: 0o755 })
    writeFileSync(script, `#!${program}\nexit ${unknown}\n`, { mode: 0o755 })
    const { status } = spawnSync(script, { stdio: 'ignore', timeout: 5000 })
    return status !== unknown
  }
}

/** An ELF header that is right as far as kernels and emulators look at it first, with one program header that says nothing, and empty behind. */
function headerOf({ machine, bits, order }: ProgramKind): Buffer {
  const header = Buffer.alloc(4096)
  const [executable, version] = [2, 1]
  const [headerBytes, programHeaderBytes] = bits === 64 ? [64, 56] : [52, 32]
  header.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, order === 'little' ? 1 : 2, version])
  const write = (value: number, offset: number, bytes: 2 | 4): number =>
    order === 'little' ? header.writeUIntLE(value, offset, bytes) : header.writeUIntBE(value, offset, bytes)
  write(executable, 16, 2)
  write(machine, 18, 2)
  write(version, 20, 4)
  const offsetOf = bits === 64 ? { table: order === 'little' ? 32 : 36, sizes: 52 } : { table: 28, sizes: 40 }
  write(headerBytes, offsetOf.table, 4)
  write(headerBytes, offsetOf.sizes, 2)
  write(programHeaderBytes, offsetOf.sizes + 2, 2)
  write(1, offsetOf.sizes + 4, 2)
  return header
}
