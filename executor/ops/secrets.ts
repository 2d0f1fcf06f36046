import { chmodSync, writeFileSync } from 'node:fs'
import { BuildError } from '../../core/errors.ts'
import type { RunOp, SecretMount } from '../../core/ops.ts'
import type { SandboxMount } from '../sandbox/index.ts'
import { changeOwner } from './change-owner.ts'
import { isInMemory } from './memory-folder.ts'

/** By the ids of the op. */
export type SecretValues = ReadonlyMap<string, Uint8Array>

/** Whether files of the run, those of a runtime included, have to be kept off the disk. */
export function hasSecrets({ mounts, secretVariables }: RunOp, secrets: SecretValues): boolean {
  return [...mounts.filter(({ kind }) => kind === 'secret'), ...secretVariables].some(
    (use) => 'id' in use && secrets.has(use.id),
  )
}

/** The file of a secret, in a folder in memory, for a process to read.
 *  @throws {BuildError} `SANDBOX_UNAVAILABLE` where there is no such folder, `MOUNT_INVALID` */
export function secretFile(
  { target: wanted, id, mode, uid, gid }: SecretMount,
  value: Uint8Array,
  source: string,
  target: string,
): SandboxMount {
  writeFileSync(source, '', { mode: 0o600 })
  if (!isInMemory(source)) throw onDisk(id)
  writeFileSync(source, value)
  changeOwner(source, wanted, uid, gid)
  chmodSync(source, mode)
  return { kind: 'bind', source, target, readOnly: true, hardened: true, noExec: true }
}

function onDisk(id: string): BuildError {
  return new BuildError(
    'SANDBOX_UNAVAILABLE',
    `Cannot show the secret ${JSON.stringify(id)} as a file: nothing can be mounted here, and it would be on a disk`,
    { hint: 'Take it as a variable, with env=NAME, or put the store into memory, such as --root /dev/shm/stave.' },
  )
}

/** `NAME=value` of each that the caller has.
 *  @throws {BuildError} `MOUNT_INVALID` for one that no variable can hold */
export function secretEnvironment({ secretVariables }: RunOp, secrets: SecretValues): ReadonlyMap<string, string> {
  const values = secretVariables.flatMap(({ name, id }) => {
    const value = secrets.get(id)
    return value === undefined ? [] : [[name, textOf(id, value)] as const]
  })
  return new Map(values)
}

function textOf(id: string, value: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    if (!text.includes('\0')) return text
  } catch {
    // not text
  }
  throw new BuildError('MOUNT_INVALID', `Cannot put the secret ${JSON.stringify(id)} into a variable: it is no text`, {
    hint: 'Take it as a file: leave env out, or give a target.',
  })
}
