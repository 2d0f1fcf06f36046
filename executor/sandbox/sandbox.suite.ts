import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { giveTo, makeBusyboxRoot } from '../../test/support/busybox-root.ts'
import { openTemporaryFolder } from '../../test/support/temporary-folder.ts'
import type { Sandbox, SandboxExit, SandboxProcess } from './sandbox.ts'

export interface SandboxUnderTest extends Sandbox {
  /** Mounts, processes and descriptors of the place where the sandbox works: the same before and after a run. */
  inventory(): Promise<readonly string[]>
}

export interface SandboxTraits {
  /** `none`: a chroot sees the machine. */
  readonly isolation: 'namespaces' | 'none'
  /** Root in there is this user outside. */
  readonly owner: number
}

interface RunResult {
  readonly exit: SandboxExit
  readonly stdout: string
  readonly stderr: string
}

/** What every sandbox promises. */
export function describeSandbox(name: string, open: () => Promise<SandboxUnderTest>, traits: SandboxTraits): void {
  describe(name, () => {
    const isolated = test.skipIf(traits.isolation === 'none') // a chroot has no namespaces to show
    const isolatedAsRoot = test.skipIf(traits.isolation === 'none' || traits.owner !== 0)
    let sandbox: SandboxUnderTest
    let before: readonly string[]
    let folder: string
    let root: string
    let dispose: () => void
    let runs = 0

    beforeAll(async () => {
      sandbox = await open()
    })
    afterAll(async () => sandbox[Symbol.asyncDispose]())

    beforeEach(async () => {
      const temporary = openTemporaryFolder()
      folder = temporary.path
      chmodSync(folder, 0o755)
      root = join(folder, 'root')
      mkdirSync(root)
      makeBusyboxRoot(root)
      giveTo(root, traits.owner)
      dispose = () => temporary[Symbol.dispose]()
      before = await sandbox.inventory()
    })
    afterEach(async () => {
      try {
        expect(await sandbox.inventory()).toEqual(before)
      } finally {
        dispose()
      }
    })

    /** A file or folder outside the root, which mounts show. */
    const outside = (path: string, content?: string): string => {
      const place = join(folder, path)
      if (content === undefined) mkdirSync(place)
      else writeFileSync(place, content)
      return place
    }

    const processOf = (script: string, changes: Partial<SandboxProcess> = {}): SandboxProcess => {
      const scratch = join(folder, `scratch-${String(runs++)}`)
      mkdirSync(scratch)
      giveTo(scratch, traits.owner)
      return {
        root,
        scratch,
        argv: ['/bin/sh', '-c', script],
        env: ['PATH=/bin:/usr/bin', 'HOME=/root'],
        cwd: '/',
        uid: 0,
        gid: 0,
        groups: [],
        hostname: 'buildkitsandbox',
        network: 'default',
        security: 'sandbox',
        mounts: [],
        shmSizeBytes: 64 << 20,
        ulimits: [],
        ...changes,
      }
    }

    const run = async (
      script: string,
      changes: Partial<SandboxProcess> = {},
      signal = new AbortController().signal,
    ): Promise<RunResult> => {
      const output = { stdout: '', stderr: '' }
      const onOutput = (stream: 'stdout' | 'stderr', chunk: Uint8Array): void => {
        output[stream] += Buffer.from(chunk).toString()
      }
      const exit = await sandbox.run(processOf(script, changes), { signal, onOutput })
      return { exit, ...output }
    }

    const outputOf = async (script: string, changes: Partial<SandboxProcess> = {}): Promise<string> => {
      const { exit, stdout, stderr } = await run(script, changes)
      expect({ exit, stderr }).toEqual({ exit: { kind: 'exited', code: 0 }, stderr: '' })
      return stdout
    }

    describe('the command', () => {
      test('keeps the two streams apart, and gives its exit code', async () => {
        const result = await run('echo out; echo err >&2; exit 7')
        expect(result).toEqual({ exit: { kind: 'exited', code: 7 }, stdout: 'out\n', stderr: 'err\n' })
      })

      test.each([0, 1, 125, 126, 127, 128, 137, 255])('may exit with %i', async (code) => {
        expect((await run(`exit ${String(code)}`)).exit).toEqual({ kind: 'exited', code })
      })

      test('gets its arguments, environment and working directory as they are', async () => {
        const result = await outputOf('', {
          argv: ['sh', '-c', 'printf "<%s>" "$@"; env | grep -v HOME | sort; pwd', 'name', 'a b', '', '$x', 'é\n'],
          env: ['PATH=/bin', 'EMPTY=', 'TEXT=a=b c'],
          cwd: '/tmp',
        })
        expect(result).toBe('<a b><><$x><é\n>EMPTY=\nPATH=/bin\nPWD=/tmp\nSHLVL=1\nTEXT=a=b c\n/tmp\n')
      })

      test('may be long', async () => {
        const text = 'x'.repeat(100_000)
        expect(await outputOf(`printf %s "$1" | wc -c`, { argv: ['/bin/sh', '-c', 'echo ${#1}', 'sh', text] })).toBe(
          '100000\n',
        )
      })

      test('writes as much as it likes', async () => {
        const { exit, stdout, stderr } = await run(
          'head -c 10000000 /dev/zero | tr "\\0" a; head -c 3000000 /dev/zero | tr "\\0" b >&2',
        )
        expect(exit).toEqual({ kind: 'exited', code: 0 })
        expect([stdout.length, stderr.length]).toEqual([10_000_000, 3_000_000])
        expect(/^a*$/.test(stdout) && /^b*$/.test(stderr)).toBe(true)
      })

      test('is heard while it runs', async () => {
        const chunks: string[] = []
        const controller = new AbortController()
        const running = sandbox.run(processOf('echo first; sleep 100'), {
          signal: controller.signal,
          onOutput: (_, chunk) => {
            chunks.push(Buffer.from(chunk).toString())
            controller.abort(new Error('heard enough'))
          },
        })
        await expect(running).rejects.toThrow()
        expect(chunks.join('')).toBe('first\n')
      })

      test('finds nothing on standard input, and no terminal', async () => {
        const script =
          'wc -c; tty; [ -t 0 ] || [ -t 1 ] || [ -t 2 ] || echo none; (: </dev/tty) 2>/dev/null || echo no tty'
        expect((await run(script)).stdout).toBe('0\nnot a tty\nnone\nno tty\n')
      })

      isolated('has no open file but the three', async () => {
        // and the one that ls(1) reads the folder by
        expect(await outputOf('ls /dev/fd/ | wc -l')).toBe('4\n')
      })

      test('starts with default signals, and none blocked', async () => {
        if (traits.isolation === 'none') return
        expect(await outputOf('', { argv: ['grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status'] })).toMatch(
          /^SigBlk:\t0{16}\nSigIgn:\t0{16}\n$/,
        )
        // yes(1) would go on for ever if SIGPIPE were ignored
        expect(await outputOf('yes | head -n 1')).toBe('y\n')
      })

      test('writes files as 0644 of its user', async () => {
        await outputOf('umask; echo x > /work/file; mkdir /work/directory')
        expect(statSync(join(root, 'work/file')).mode & 0o7777).toBe(0o644)
        expect(statSync(join(root, 'work/directory')).mode & 0o7777).toBe(0o755)
      })

      isolated('is process 1 of its own, in its own session', async () => {
        expect(await outputOf('echo $$; cut -d" " -f6 /proc/1/stat')).toBe('1\n1\n')
      })
    })

    describe('the command that cannot be run', () => {
      const refuses = async (argv: readonly string[], message: RegExp, changes: Partial<SandboxProcess> = {}) => {
        await expect(run('', { argv, ...changes })).rejects.toMatchObject({
          code: 'RUN_COMMAND_NOT_FOUND',
          message: expect.stringMatching(message) as string,
        })
      }

      test('is named, with the reason', async () => {
        await refuses(['/nope'], /^Cannot run "\/nope": the image has no such file$/)
        await refuses(['nope'], /no directory of PATH/)
        await refuses(['/work'], /it is a directory/)
        writeFileSync(join(root, 'work/plain'), 'x')
        await refuses(['/work/plain'], /it is not executable/)
        await refuses(['plain'], /not executable|no directory/, { env: ['PATH=/bin:/work'] })
      })

      test('is one that needs what the image does not have', async () => {
        writeFileSync(join(root, 'work/script'), '#!/usr/bin/python3 -u\n', { mode: 0o755 })
        await refuses(['/work/script'], /needs \/usr\/bin\/python3, which the image does not have/)
      })

      test('is one that the kernel does not know', async () => {
        writeFileSync(join(root, 'work/garbage'), 'garbage', { mode: 0o755 })
        await refuses(['/work/garbage'], /no program this machine knows/)
        const program = readFileSync(join(root, 'bin/busybox'))
        program.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18)
        writeFileSync(join(root, 'work/foreign'), program, { mode: 0o755 })
        await refuses(['/work/foreign'], /it is a program for (arm64|amd64)/)
      })

      test('is the shell of an empty image', async () => {
        rmSync(join(root, 'bin'), { recursive: true })
        await expect(run('')).rejects.toMatchObject({
          code: 'RUN_COMMAND_NOT_FOUND',
          message: 'Cannot run "/bin/sh": the image has no such file',
          hint: expect.stringContaining('scratch') as string,
        })
      })
    })

    describe('looking a command up', () => {
      test('goes through PATH, links and absolute links inside the root', async () => {
        mkdirSync(join(root, 'opt'))
        symlinkSync('/bin/busybox', join(root, 'opt/echo'))
        symlinkSync('/opt', join(root, 'linked'))
        expect(await outputOf('', { argv: ['echo', 'hi'], env: ['PATH=/none:/linked'] })).toBe('hi\n')
      })

      test('takes a path with a slash from the working directory', async () => {
        writeFileSync(join(root, 'work/script'), '#!/bin/sh\necho "$0"\n', { mode: 0o755 })
        expect(await outputOf('', { argv: ['./script'], cwd: '/work' })).toContain('script')
      })

      test('finds one that is mounted', async () => {
        const source = outside('tool', '#!/bin/sh\necho mounted\n')
        chmodSync(source, 0o755)
        writeFileSync(join(root, 'work/tool'), '')
        const mount = {
          kind: 'bind',
          source,
          target: '/work/tool',
          readOnly: true,
          hardened: true,
          noExec: false,
        } as const
        expect(await outputOf('', { argv: ['/work/tool'], mounts: [mount] })).toBe('mounted\n')
      })
    })

    describe('the end', () => {
      test('of the command is the end of what it started', async () => {
        const started = Date.now()
        const { exit, stdout } = await run('(sleep 1000; echo late) & sleep 1000 & (setsid sleep 1000 &) ; echo done')
        expect({ exit, stdout }).toEqual({ exit: { kind: 'exited', code: 0 }, stdout: 'done\n' })
        expect(Date.now() - started).toBeLessThan(5000)
      })

      test('comes with cancelling, for all that runs, and with the reason', async () => {
        const controller = new AbortController()
        const running = run(
          'sleep 1000 & (setsid sleep 1000 &) ; trap "" TERM INT; while :; do sleep 1; done',
          {},
          controller.signal,
        )
        await setTimeout(300)
        controller.abort(new Error('aborted by the test'))
        await expect(running).rejects.toThrow('aborted by the test')
      })

      test('comes at once when it is canceled before it begins', async () => {
        const signal = AbortSignal.abort(new Error('too early'))
        await expect(run('echo x > /work/file', {}, signal)).rejects.toThrow('too early')
        expect(existsSync(join(root, 'work/file'))).toBe(false)
      })

      test('by a signal is told from an exit', async () => {
        // Process 1 gets no signal that it does not handle, but for those that the processor makes.
        const crash = Buffer.from(machineCodeThatFaults(), 'hex')
        writeFileSync(join(root, 'work/crash'), tinyProgram(crash), { mode: 0o755 })
        expect((await run('', { argv: ['/work/crash'] })).exit).toMatchObject({ kind: 'signaled', outOfMemory: false })
      })

      test('leaves no process behind, when a hundred come and go', async () => {
        const { exit } = await run('i=0; while [ $i -lt 100 ]; do (sleep 0.2 &) ; i=$((i+1)); done')
        expect(exit).toEqual({ kind: 'exited', code: 0 })
      })
    })

    describe('several at once', () => {
      test('do not meet', async () => {
        const results = await Promise.all(
          ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => outputOf(`sleep 0.1; echo ${name}; exit 0`)),
        )
        expect(results).toEqual(['a\n', 'b\n', 'c\n', 'd\n', 'e\n', 'f\n'])
      })
    })

    describe('the user', () => {
      test('is root with 14 capabilities at most', async () => {
        expect(await outputOf('id -u; id -g; id -G')).toBe('0\n0\n0\n')
        if (traits.isolation === 'none') return
        const status = await outputOf('grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status')
        expect(fields(status)).toEqual({
          CapInh: '0000000000000000',
          CapPrm: '00000000a80425fb',
          CapEff: '00000000a80425fb',
          CapBnd: '00000000a80425fb',
          CapAmb: '0000000000000000',
          NoNewPrivs: '0',
          Seccomp: '2',
        })
      })

      test('may be another one, with groups and no capability', async () => {
        const user = { uid: 1000, gid: 1001, groups: [1001, 27, 100] }
        expect(await outputOf('id -u; id -g; for i in $(id -G); do echo $i; done | sort', user)).toBe(
          '1000\n1001\n100\n1001\n27\n',
        )
        if (traits.isolation === 'none') return
        const status = await outputOf('grep -E "^Cap" /proc/self/status', user)
        expect(fields(status)).toEqual({
          CapInh: '0000000000000000',
          CapPrm: '0000000000000000',
          CapEff: '0000000000000000',
          CapBnd: '00000000a80425fb',
          CapAmb: '0000000000000000',
        })
        expect(await outputOf('echo opened > /dev/stdout', user)).toBe('opened\n')
      })

      isolated('has everything that we have when insecure', async () => {
        const status = fields(
          await outputOf('grep -E "^(CapEff|Seccomp:)" /proc/self/status', { security: 'insecure' }),
        )
        expect(BigInt(`0x${status['CapEff'] ?? '0'}`) & (1n << 21n)).toBe(1n << 21n)
        expect(status['Seccomp']).toBe('0')
        expect(
          await outputOf('mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted', { security: 'insecure' }),
        ).toBe('mounted\n')
      })
    })

    describe('the machine', () => {
      isolated('has the given name', async () => {
        expect(await outputOf('hostname', { hostname: 'elsewhere' })).toBe('elsewhere\n')
      })

      isolated('is not to be seen', async () => {
        const script = `
          cat /proc/keys /proc/timer_list | wc -c
          ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | grep -v '^$' | wc -l
          cat /proc/kcore 2>/dev/null | head -c 1 | wc -c`
        expect(await outputOf(script)).toBe('0\n0\n0\n')
      })

      isolated('is not to be changed', async () => {
        const script = `
          for path in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run; do
            [ -e $path ] && (echo 0 > $path) 2>/dev/null && echo wrote $path
          done; echo end`
        expect(await outputOf(script)).toBe('end\n')
      })

      isolated('shows these mounts, with these rights', async () => {
        const table = (await outputOf('cut -d" " -f5,6 /proc/self/mountinfo')).trim().split('\n')
        const options = new Map(table.map((line) => line.split(' ') as [string, string]))
        const rights = (path: string): string =>
          (options.get(path) ?? 'absent')
            .split(',')
            .filter((option) => !/atime$/.test(option))
            .sort()
            .join(',')
        expect(rights('/proc')).toBe('nodev,noexec,nosuid,rw')
        expect(rights('/dev')).toBe('nosuid,rw')
        expect(rights('/dev/pts')).toBe('noexec,nosuid,rw')
        expect(rights('/dev/shm')).toBe('nodev,noexec,nosuid,rw')
        expect(rights('/dev/mqueue')).toBe('nodev,noexec,nosuid,rw')
        expect(rights('/sys')).toBe('nodev,noexec,nosuid,ro')
        for (const path of ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'])
          expect(['absent', 'ro', 'nodev,noexec,nosuid,ro']).toContain(rights(path))
        expect(rights('/proc/sys')).toMatch(/\bro$/)
      })

      isolated('gives a fresh /dev', async () => {
        const listing = await outputOf(
          'cd /dev; for i in *; do [ $i = core ] || stat -c "%n %F %a" $i; done; stat -c %F -L fd stdin',
        )
        expect(listing.trim().split('\n')).toEqual([
          'fd symbolic link 777',
          'full character special file 666',
          'mqueue directory 1777',
          'null character special file 666',
          'ptmx symbolic link 777',
          'pts directory 755',
          'random character special file 666',
          'shm directory 1777',
          'stderr symbolic link 777',
          'stdin symbolic link 777',
          'stdout symbolic link 777',
          'tty character special file 666',
          'urandom character special file 666',
          'zero character special file 666',
          'directory',
          'fifo',
        ])
        expect(await outputOf('echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c')).toBe(
          '3\n3\n',
        )
        expect(await outputOf('echo a > /dev/shm/file; cat /dev/shm/file')).toBe('a\n')
      })

      isolated('gives /dev/shm of the given size', async () => {
        expect(
          await outputOf('df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2', { shmSizeBytes: 8 << 20 }),
        ).toBe('8192\n')
      })

      isolated('has no network with `none`, but itself', async () => {
        const script =
          'ls /sys/class/net 2>/dev/null || echo lo; tail -n +2 /proc/net/route 2>/dev/null | wc -l; ping -c 1 -W 2 127.0.0.1 | grep -c "1 packets received"'
        const { stdout } = await run(script, { network: 'none' })
        expect(stdout).toBe('lo\n0\n1\n')
      })

      isolated('has its own network with `none`', async () => {
        expect(await outputOf('tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "', { network: 'none' })).toBe('lo\n')
      })
    })

    describe('limits', () => {
      test('are those that the caller had', async () => {
        expect(await outputOf('ulimit -n')).toBe('1000\n')
      })

      test('are those asked for', async () => {
        const ulimits = [
          { name: 'nofile', soft: 77, hard: 88 },
          { name: 'core', soft: 0, hard: 0 },
        ] as const
        expect(await outputOf('ulimit -Sn; ulimit -Hn; ulimit -Hc', { ulimits })).toBe('77\n88\n0\n')
      })

      test('are never raised above ours', async () => {
        // Linux never lets anybody have so many.
        const ulimits = [{ name: 'nofile', soft: 1, hard: 2 ** 40 }] as const
        await expect(run('true', { ulimits })).rejects.toMatchObject({
          code: 'OPTION_INVALID',
          message: expect.stringContaining('Cannot set the limit nofile to 1099511627776: ours is') as string,
        })
      })
    })

    describe('mounts', () => {
      const bind = (source: string, target: string, readOnly: boolean) =>
        ({ kind: 'bind', source, target, readOnly, hardened: readOnly, noExec: readOnly }) as const

      test('show a file, without a trace in the root', async () => {
        const source = outside('hosts', '127.0.0.1 here\n')
        writeFileSync(join(root, 'etc/hosts'), '')
        expect(await outputOf('cat /etc/hosts', { mounts: [bind(source, '/etc/hosts', true)] })).toBe(
          '127.0.0.1 here\n',
        )
        expect(readFileSync(join(root, 'etc/hosts'), 'utf8')).toBe('')
      })

      isolated('of read-only files cannot be written, replaced or removed', async () => {
        const source = outside('hosts', 'x\n')
        writeFileSync(join(root, 'etc/hosts'), '')
        const script =
          '(echo y >> /etc/hosts) 2>/dev/null || echo a; cp /bin/sh /etc/hosts 2>/dev/null || echo b; rm /etc/hosts 2>/dev/null || echo c'
        expect(await outputOf(script, { mounts: [bind(source, '/etc/hosts', true)] })).toBe('a\nb\nc\n')
      })

      test('of folders take what is written, and keep it outside', async () => {
        const source = outside('cache')
        writeFileSync(join(source, 'before'), 'kept')
        chmodSync(source, 0o777)
        mkdirSync(join(root, 'cache'))
        expect(
          await outputOf('cat /cache/before; echo new > /cache/after', { mounts: [bind(source, '/cache', false)] }),
        ).toBe('kept')
        expect(readdirSync(source).sort()).toEqual(['after', 'before'])
        expect(readdirSync(join(root, 'cache'))).toEqual([])
      })

      test('of folders that are read-only stay as they are', async () => {
        const source = outside('context')
        writeFileSync(join(source, 'file'), 'kept')
        mkdirSync(join(root, 'context'))
        await run('cat /context/file; echo new > /context/file; rm -rf /context/file', {
          mounts: [bind(source, '/context', true)],
        })
        expect(readFileSync(join(source, 'file'), 'utf8')).toBe('kept')
        expect(readdirSync(join(root, 'context'))).toEqual([])
      })

      test('of memory leave nothing', async () => {
        mkdirSync(join(root, 'memory'))
        writeFileSync(join(root, 'memory/hidden'), '')
        const mount = { kind: 'tmpfs', target: '/memory', sizeBytes: 1 << 20, mode: 0o750 } as const
        expect(await outputOf('ls -A /memory; stat -c %a /memory; echo x > /memory/file', { mounts: [mount] })).toBe(
          '750\n',
        )
        expect(readdirSync(join(root, 'memory'))).toEqual(['hidden'])
      })

      // One that is in no list of what containers may have anyway.
      const device = ['/dev/fuse', '/dev/loop-control', '/dev/net/tun'].find((path) => existsSync(path))
      isolatedAsRoot('of devices can be opened', async () => {
        if (device === undefined) return
        const mount = bind(device, '/dev/mine', false)
        expect(await outputOf('(: < /dev/mine) && echo opened', { mounts: [mount] })).toBe('opened\n')
      })

      test('inside mounts of memory are there', async () => {
        const [file, shown] = [outside('file', 'of a file\n'), outside('shown')]
        writeFileSync(join(shown, 'x'), 'of a folder\n')
        mkdirSync(join(root, 'memory'))
        const mounts = [
          { kind: 'tmpfs', target: '/memory', sizeBytes: undefined, mode: 0o755 } as const,
          bind(file, '/memory/a/file', true),
          bind(shown, '/memory/b', true),
        ]
        expect(await outputOf('cat /memory/a/file /memory/b/x', { mounts })).toBe('of a file\nof a folder\n')
        expect(readdirSync(join(root, 'memory'))).toEqual([])
      })

      test('below /dev show files too', async () => {
        const source = outside('script', '#!/bin/sh\necho from a script\n')
        chmodSync(source, 0o755)
        if (traits.isolation === 'none') mkdirSync(join(root, 'dev/pipes'))
        if (traits.isolation === 'none') return
        const mount = {
          kind: 'bind',
          source,
          target: '/dev/pipes/EOF',
          readOnly: true,
          hardened: true,
          noExec: false,
        } as const
        expect(await outputOf('', { argv: ['/dev/pipes/EOF'], mounts: [mount] })).toBe('from a script\n')
      })
    })

    describe('the root afterwards', () => {
      test('has just what the command did', async () => {
        const names = readdirSync(root).sort()
        const times = ['', 'dev', 'etc', 'proc', 'sys'].map(
          (name) => statSync(join(root, name), { bigint: true }).mtimeNs,
        )
        await outputOf('echo x > /work/file; : > /dev/shm/file')
        expect(readdirSync(root).sort()).toEqual(names)
        expect(['dev', 'proc', 'sys'].flatMap((name) => readdirSync(join(root, name)))).toEqual([])
        expect(
          ['', 'dev', 'etc', 'proc', 'sys'].map((name) => statSync(join(root, name), { bigint: true }).mtimeNs),
        ).toEqual(times)
      })
    })

    describe('a hostile image', () => {
      test.each(['proc', 'dev', 'sys'])('whose /%s is a link reaches nothing outside', async (name) => {
        const victim = outside('victim')
        chmodSync(victim, 0o777)
        rmSync(join(root, name), { recursive: true })
        symlinkSync(victim, join(root, name))
        const outcome = await run('echo ran').then(
          () => 'ran',
          (error: unknown) => (error as { readonly code?: string }).code,
        )
        expect(outcome).toBe(traits.isolation === 'none' ? 'ran' : 'IMAGE_INVALID')
        expect(readdirSync(victim)).toEqual([])
      })

      test('with links inside /dev and /etc reaches nothing outside', async () => {
        const victim = outside('victim', 'untouched')
        for (const name of ['null', 'shm', 'pts', 'fd', 'ptmx']) symlinkSync(victim, join(root, 'dev', name))
        symlinkSync(victim, join(root, 'etc/resolv.conf'))
        await run('echo x > /dev/null; echo x > /etc/resolv.conf')
        expect(readFileSync(victim, 'utf8')).toBe('untouched')
      })

      isolated.each([
        ['mount -t tmpfs none /tmp', 'mounting'],
        ['mount --bind /etc /tmp', 'binding'],
        ['umount /proc', 'unmounting'],
        ['unshare -m true', 'a mount namespace'],
        ['unshare -U true', 'a user namespace'],
        ['unshare -r -m true', 'a user namespace with mounts'],
        ['hostname other', 'another name'],
        ['date -s 2000-01-01; [ $(date +%Y) = 2000 ]', 'another time'],
        ['mount -o remount,rw /sys', 'a writable /sys'],
        ['mount -o remount,rw /proc/sys', 'a writable /proc/sys'],
        ['chroot /proc/1/root mount -t tmpfs none /tmp', 'mounting elsewhere'],
        ['setarch linux64 -R true', 'an odd personality'],
        ['nsenter -t 1 -m true', 'another namespace'],
        ['swapon /work/file', 'swapping'],
        ['insmod /work/file', 'a module'],
      ])('may not: %s', async (script) => {
        writeFileSync(join(root, 'work/file'), 'x'.repeat(8192))
        const { exit } = await run(script)
        expect(exit).not.toEqual({ kind: 'exited', code: 0 })
      })

      isolatedAsRoot('may make devices, as Docker lets it, which do not work here', async () => {
        const { stdout } = await run('mknod /work/disk b 254 0 && echo made; mknod /work/whiteout c 0 0 && echo made')
        expect(stdout).toBe('made\nmade\n')
      })
    })

    test('the scratch folder and the root may be anywhere, under any name', async () => {
      const odd = join(folder, 'odd, name:with\\all "of" it')
      renameSync(root, odd)
      expect(await outputOf('echo fine', { root: odd })).toBe('fine\n')
      renameSync(odd, root)
    })
  })
}

function fields(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/:\s+/) as [string, string]),
  )
}

/** `ud2` and its like: an instruction that is none. */
function machineCodeThatFaults(): string {
  return process.arch === 'x64' ? '0f0b' : '00000000'
}

/** The smallest program: one page, which begins with this code.
 *  @see https://man7.org/linux/man-pages/man5/elf.5.html */
function tinyProgram(code: Buffer): Buffer {
  const headerBytes = 64 + 56
  const address = 0x400000n
  const program = Buffer.alloc(headerBytes + code.length)
  program.write('7f454c46020101', 'hex')
  program.writeUInt16LE(2, 16)
  program.writeUInt16LE(process.arch === 'x64' ? 62 : 183, 18)
  program.writeUInt32LE(1, 20)
  program.writeBigUInt64LE(address + BigInt(headerBytes), 24)
  program.writeBigUInt64LE(64n, 32)
  program.writeUInt16LE(64, 52)
  program.writeUInt16LE(56, 54)
  program.writeUInt16LE(1, 56)
  program.writeUInt32LE(1, 64)
  program.writeUInt32LE(5, 68)
  program.writeBigUInt64LE(address, 80)
  program.writeBigUInt64LE(address, 88)
  program.writeBigUInt64LE(BigInt(program.length), 96)
  program.writeBigUInt64LE(BigInt(program.length), 104)
  program.writeBigUInt64LE(0x1000n, 112)
  code.copy(program, headerBytes)
  return program
}
