import { expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { openFirstThatWorks, type Candidate } from './first-that-works.ts'
import type { IsolationName, SandboxExit, SandboxIo, SandboxProcess } from './sandbox.ts'

const done: SandboxExit = { kind: 'exited', code: 0 }
const process = {} as SandboxProcess
const io: SandboxIo = { signal: new AbortController().signal, onOutput: () => undefined }

interface Fake extends Candidate {
  readonly log: string[]
}

function fake(name: IsolationName, ...outcomes: readonly (SandboxExit | Error)[]): Fake {
  const log: string[] = []
  const left = [...outcomes]
  return {
    name,
    log,
    open: () => {
      log.push('open')
      return {
        name,
        fallbackReason: undefined,
        run: () => {
          log.push('run')
          const outcome = left.shift() ?? done
          return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)
        },
        [Symbol.asyncDispose]: () => {
          log.push('dispose')
          return Promise.resolve()
        },
      }
    },
  }
}

const setupFailure = new BuildError('SANDBOX_FAILED', 'no luck')

test('the first candidate stays, and the others are never opened', async () => {
  const [first, second] = [fake('oci'), fake('native')]
  const sandbox = openFirstThatWorks([first, second], [])
  await sandbox.run(process, io)
  expect([sandbox.name, sandbox.fallbackReason, second.log]).toEqual(['oci', undefined, []])
})

test('a first process that cannot be set up goes to the next candidate, for good', async () => {
  const [first, second] = [fake('oci', setupFailure), fake('native')]
  const sandbox = openFirstThatWorks([first, second], [])
  expect(await sandbox.run(process, io)).toBe(done)
  expect(await sandbox.run(process, io)).toBe(done)
  expect([sandbox.name, sandbox.fallbackReason]).toEqual(['native', 'oci: no luck'])
  expect(first.log).toEqual(['open', 'run'])
  await sandbox[Symbol.asyncDispose]()
  expect([first.log.at(-1), second.log.at(-1)]).toEqual(['dispose', 'dispose'])
})

test('several first processes at once agree on the next candidate', async () => {
  const first = fake('oci', setupFailure, setupFailure, setupFailure)
  const sandbox = openFirstThatWorks([first, fake('native'), fake('chroot')], [])
  await Promise.all([sandbox.run(process, io), sandbox.run(process, io), sandbox.run(process, io)])
  expect(sandbox.name).toBe('native')
})

test('once a process has run, a failure is that process’s own', async () => {
  const sandbox = openFirstThatWorks([fake('oci', done, setupFailure), fake('native')], [])
  await sandbox.run(process, io)
  await expect(sandbox.run(process, io)).rejects.toBe(setupFailure)
  expect(sandbox.name).toBe('oci')
})

test('the last candidate’s failure is the failure', async () => {
  const sandbox = openFirstThatWorks([fake('native', setupFailure), fake('chroot', setupFailure)], ['oci: none'])
  await expect(sandbox.run(process, io)).rejects.toBe(setupFailure)
  expect(sandbox.fallbackReason).toBe('oci: none; native: no luck')
})

test('a command that is not there is no reason to change the sandbox', async () => {
  const missing = new BuildError('RUN_COMMAND_NOT_FOUND', 'no such file')
  const sandbox = openFirstThatWorks([fake('oci', missing), fake('native')], [])
  await expect(sandbox.run(process, io)).rejects.toBe(missing)
  expect(sandbox.name).toBe('oci')
})
