import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { ChildProgram, ChildProgramError, stringList } from './child-program.ts'
import { closeProcess, openProcess, waitForProcess, type ProcessEnd } from '../processes.ts'

const here = -100
const writeOnly = 0o101

function execute(program: ChildProgram, ...argv: readonly [string, ...string[]]): ChildProgram {
  program.step('execve')
  program.call('execve', [argv[0], stringList(argv), stringList(['LANG=C'])])
  return program
}

async function endOf(program: ChildProgram): Promise<ProcessEnd> {
  const pidfd = openProcess(program.start([]))
  try {
    return await waitForProcess(pidfd)
  } finally {
    closeProcess(pidfd)
  }
}

describe('a process that begins with a program of system calls', () => {
  test('executes what it is told to, and is waited for as a child', async () => {
    expect(await endOf(execute(new ChildProgram(), '/bin/sh', '-c', 'exit 7'))).toEqual({ kind: 'exited', code: 7 })
  })

  test('hands on what one call returned to later ones', async () => {
    const path = join(temporaryFolder(), 'out')
    const program = new ChildProgram()
    const fd = program.call('openat', [here, path, writeOnly, 0o600])
    program.call('dup3', [fd, 1, 0])
    await endOf(execute(program, '/bin/sh', '-c', 'echo "$0 $LANG"', 'name'))
    expect(readFileSync(path, 'utf8')).toBe('name C\n')
  })

  test('ends at the first call that fails, which is told with its step', () => {
    const program = new ChildProgram()
    program.step('folders')
    program.call('chdir', ['/no/such/folder'])
    execute(program, '/bin/true')
    expect(() => program.start([])).toThrow(ChildProgramError)
    expect(() => program.start([])).toThrow('folders: chdir "/no/such/folder": ENOENT')
  })

  test('goes on after a failure that was to be tolerated', async () => {
    const program = new ChildProgram()
    program.call('chdir', ['/no/such/folder'], { tolerate: true })
    expect(await endOf(execute(program, '/bin/true'))).toEqual({ kind: 'exited', code: 0 })
  })

  test('says why its program cannot be executed', () => {
    const path = join(temporaryFolder(), 'text')
    writeFileSync(path, 'no program', { mode: 0o755 })
    expect(() => execute(new ChildProgram(), path).start([])).toThrow(/^execve: execve ".*": ENOEXEC$/)
  })

  test('leaves this process as it was', async () => {
    const status = (): string => readFileSync('/proc/self/status', 'utf8')
    const [umask] = /^Umask:.*$/m.exec(status()) ?? []
    const program = new ChildProgram()
    program.call('umask', [0o123])
    program.call('chdir', ['/'])
    program.call('setresgid', [12345, 12345, 12345], { tolerate: true })
    program.call('setresuid', [12345, 12345, 12345], { tolerate: true })
    await endOf(execute(program, '/bin/true'))
    expect(status()).toContain(umask)
    expect(process.cwd()).not.toBe('/')
    expect(process.getuid?.()).not.toBe(12345)
    expect(status()).toMatch(/^SigBlk:\s+0+$/m)
  })

  test('many of them leave no descriptor open', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length
    await endOf(execute(new ChildProgram(), '/bin/true'))
    const before = descriptors()
    for (let count = 0; count < 50; count++) await endOf(execute(new ChildProgram(), '/bin/true'))
    expect(descriptors()).toBe(before)
  })

  test('a text with a zero byte is refused rather than cut', () => {
    expect(() => stringList(['a\0b'])).toThrow('EINVAL')
  })
})
