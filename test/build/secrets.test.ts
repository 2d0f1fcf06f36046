import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { inContainer } from '../support/in-container.ts'
import { OrdinaryUser } from '../support/ordinary-user.ts'
import { Project, type ProjectOptions } from '../support/project.ts'
import { cachedSteps, finished, repository, startStave, untilItSays, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
const value = 'hunter2-of-the-test'
let base: string
let file: string

beforeAll(() => {
  chmodSync(folder.path, 0o755)
  base = makeBaseLayout(folder.path)
  file = join(folder.path, 'secret-file')
  writeFileSync(file, value)
})
afterAll(() => folder[Symbol.dispose]())

/** Files below a folder that hold the secret. */
function filesWithSecret(below: string): readonly string[] {
  const { stdout } = spawnSync('grep', ['-rlF', value, below], { encoding: 'utf8' })
  return stdout.split('\n').filter((line) => line !== '')
}

function project(dockerfile: string, options: ProjectOptions = {}): Project {
  return new Project(base, { Dockerfile: `FROM base\n${dockerfile}\n` }, options)
}

/** An app that keeps what it sees of a secret, but for the secret itself, in /seen. */
async function seenBy(at: Project, ...args: readonly string[]): Promise<string> {
  return readFileSync(join(await at.buildFiles(...args), 'seen'), 'utf8')
}

describe.each(['oci', 'native', 'chroot'])('in the sandbox %s', (isolation) => {
  const args = (): readonly string[] => ['--isolation', isolation, '--secret', `id=s,src=${file}`]

  test('a secret is a file in memory that only root may read, and no trace of it stays', async () => {
    const at = project(
      `RUN --mount=type=secret,id=s f=/run/secrets/s; stat -c "%a %u:%g" $f > /seen; wc -c < $f >> /seen; \\
  stat -f -c %T $f >> /seen; (echo x > $f) 2>/dev/null || echo read-only >> /seen; chmod 777 $f 2>/dev/null || echo locked >> /seen`,
    )
    const root = await at.buildFiles(...args())
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe(`400 0:0\n${value.length}\ntmpfs\nread-only\nlocked\n`)
    expect(existsSync(join(root, 'run'))).toBe(false)
    expect(filesWithSecret(at.root)).toEqual([])
  })

  test('mode, owner and place are those asked for, and the user can read it', async () => {
    const at = project(
      `USER app\nWORKDIR /tmp\nRUN --mount=type=secret,id=s,target=here/token,mode=0440,uid=12,gid=1001 stat -c "%n %a %u:%g" here/token > seen; wc -c < here/token >> seen`,
    )
    const root = await at.buildFiles(...args())
    expect(readFileSync(join(root, 'tmp/seen'), 'utf8')).toBe(`here/token 440 12:1001\n${value.length}\n`)
  })

  test('a secret is a variable, or both', async () => {
    const at = project(
      `ENV S=public\nRUN --mount=type=secret,id=s,env=S --mount=type=secret,id=s,env=T,target=/t echo $S $T $(cat /t) | tr a-z A-Z > /seen; ls /run/secrets >> /seen 2>&1 || true`,
    )
    const upper = value.toUpperCase()
    expect(await seenBy(at, ...args())).toMatch(new RegExp(`^${upper} ${upper} ${upper}\n.*No such file`))
    expect(filesWithSecret(at.root)).toEqual([])
  })

  test('a secret that nobody gave is nothing, or an error with its place when it is required', async () => {
    const at = project(
      'RUN --mount=type=secret,id=none --mount=type=secret,id=none,env=N [ ! -e /run/secrets/none ] && echo ${N-unset} > /seen',
    )
    expect(await seenBy(at, ...args())).toBe('unset\n')
    writeFiles(at.context, { Dockerfile: 'FROM base\n\nRUN --mount=type=secret,id=none,required true\n' })
    const { code, stderr } = await at.try(...args())
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('Dockerfile:3:1: SECRET_NOT_FOUND: secret none: not found'),
    ])
  })

  test('while a step runs, no file of the store has its secrets', async () => {
    const at = project('RUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S echo began; sleep 3')
    const child = startStave(['build', '--progress=plain', ...args(), ...at.args], { store: at.store })
    const ended = finished(child)
    await untilItSays(child, ' began\n')
    expect(filesWithSecret(at.root)).toEqual([])
    expect((await ended).code).toBe(0)
  })

  test('a link in the place of /run leads the secret nowhere outside the image', async () => {
    const at = project(
      'RUN rm -rf /run && ln -s /../../../../etc /run && ln -s /nowhere /gone\nRUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/gone/s wc -c < /etc/secrets/s > /seen; wc -c < /nowhere/s >> /seen',
    )
    const root = await at.buildFiles(...args())
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe(`${value.length}\n${value.length}\n`)
    expect([existsSync(join(root, 'etc/secrets')), existsSync(join(root, 'nowhere'))]).toEqual([false, false])
    expect(existsSync('/etc/secrets')).toBe(false)
  })
})

test('the value is in no key: another value is a hit, another id is not', async () => {
  const at = project('RUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S date +%N > /seen')
  const cachedWith = async (...args: readonly string[]) => cachedSteps((await at.try(...args)).stderr).length === 2
  await at.build('--secret', `id=s,src=${file}`)
  const other = join(folder.path, 'other')
  writeFileSync(other, 'another')
  expect(await cachedWith('--secret', `id=s,src=${other}`)).toBe(true)
  expect(await cachedWith()).toBe(true)
  writeFiles(at.context, {
    Dockerfile: 'FROM base\nRUN --mount=type=secret,id=t --mount=type=secret,id=t,env=S date +%N > /seen\n',
  })
  expect(await cachedWith('--secret', `id=s,src=${file}`)).toBe(false)
})

test('secrets come from variables and files, as the command line says', async () => {
  const at = project(
    'RUN --mount=type=secret,id=A,env=A --mount=type=secret,id=B,env=B --mount=type=secret,id=C,env=C echo "$A $B $C" > /seen',
    { env: { A: 'of A', FOR_B: 'of B' } },
  )
  expect(await seenBy(at, '--secret', 'id=A', '--secret', 'id=B,env=FOR_B', '--secret', `id=C,src=${file}`)).toBe(
    `of A of B ${value}\n`,
  )
})

test('what a secret cannot be is told before anything is done', async () => {
  const at = project('RUN true')
  const large = join(folder.path, 'large')
  writeFileSync(large, Buffer.alloc(600_000))
  for (const [spec, message] of [
    ['id=s,src=/no/such/file', 'Cannot read the secret "s": ENOENT'],
    [`id=s,src=${large}`, 'larger than 500 KiB'],
    ['src=/etc/passwd', 'it has no id'],
  ] as const) {
    const { code, stderr } = await at.try('--secret', spec)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  }
})

test('a variable cannot hold what is no text', async () => {
  const binary = join(folder.path, 'binary')
  writeFileSync(binary, Buffer.from([104, 0, 255]))
  const at = project('RUN --mount=type=secret,id=s,env=S true')
  const { code, stderr } = await at.try('--secret', `id=s,src=${binary}`)
  expect([code, stderr]).toEqual([1, expect.stringContaining('Dockerfile:2:1: MOUNT_INVALID')])
})

test('programs give secrets as values, and find them in no event', () => {
  const at = project(
    'RUN --mount=type=secret,id=text,env=T --mount=type=secret,id=bytes wc -c < /run/secrets/bytes > /seen; echo ${#T} >> /seen',
  )
  const program = `
import { startBuild } from ${JSON.stringify(join(repository, 'dist/index.js'))}
const secrets = { text: { value: ${JSON.stringify(value)} }, bytes: { value: new Uint8Array([0, 1, 2]) } }
const job = startBuild({
  context: ${JSON.stringify(at.context)},
  root: ${JSON.stringify(at.store)},
  buildContexts: { base: ${JSON.stringify(`oci-layout://${base}:base`)} },
  secrets,
  outputs: [{ type: 'local', dest: ${JSON.stringify(join(at.root, 'files'))} }],
})
let text = ''
for await (const event of job.events) text += JSON.stringify(event)
await job.result
console.log(text.includes(secrets.text.value))`
  const script = join(at.root, 'program.mjs')
  writeFileSync(script, program)
  expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe('false\n')
  expect(readFileSync(join(at.root, 'files/seen'), 'utf8')).toBe(`3\n${value.length}\n`)
  expect(filesWithSecret(at.store)).toEqual([])
})

test('a step that fails does not tell its secret', async () => {
  const at = project('RUN --mount=type=secret,id=s,env=S exit 3')
  const { stdout, stderr } = await at.try('--secret', `id=s,src=${file}`, '--progress=rawjson')
  expect(stdout + stderr).not.toContain(value)
})

describe('in a container that may mount nothing', () => {
  const secret = (): readonly string[] => ['--secret', `id=s,src=${file}`]

  test('a file that would be on a disk is refused, a variable is not', async () => {
    const at = project('RUN --mount=type=secret,id=s cat /run/secrets/s', { prefix: inContainer })
    const { code, stderr } = await at.try(...secret())
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('Dockerfile:2:1: SANDBOX_UNAVAILABLE: Cannot show the secret'),
    ])
    writeFiles(at.context, { Dockerfile: 'FROM base\nRUN --mount=type=secret,id=s,env=S echo ${#S} > /seen\n' })
    expect(await seenBy(at, ...secret())).toBe(`${value.length}\n`)
    expect(filesWithSecret(at.root)).toEqual([])
  })

  test('a file is shown where the store is in memory', async () => {
    const at = project('RUN --mount=type=secret,id=s stat -c "%a" /run/secrets/s > /seen', { prefix: inContainer })
    const memory = join('/dev/shm', `stave-test-${process.pid}`)
    mkdirSync(memory)
    try {
      expect(await seenBy(at, ...secret(), '--root', memory)).toBe('400\n')
      expect(filesWithSecret(memory)).toEqual([])
    } finally {
      execFileSync('rm', ['-rf', memory])
    }
  })
})

describe.skipIf(process.getuid?.() !== 0)('for an ordinary user', () => {
  test('secrets and caches work, with owners from the subordinate ids', async () => {
    execFileSync('chmod', ['-R', 'a+rX', base])
    const user = new OrdinaryUser(folder.path, { hasSubordinateIds: true })
    const dockerfile = `FROM base\nRUN --mount=type=secret,id=s,uid=1000,mode=0444 --mount=type=cache,target=/c,uid=1000 \\
  stat -c "%a %u" /run/secrets/s > /seen; wc -c < /run/secrets/s >> /seen; stat -c "%u" /c >> /seen; echo kept >> /c/f; wc -l < /c/f >> /seen\n`
    const context = writeFiles(user.path('context'), { Dockerfile: dockerfile })
    const mine = user.path('mine')
    writeFileSync(mine, value)
    chmodSync(mine, 0o644)
    for (const lines of [1, 2, 3]) {
      const isolation = lines === 2 ? 'chroot' : 'native'
      const output = user.path(`files-${lines}`)
      const { code, stderr } = await user.stave([
        ...['build', '--progress=plain', '--no-cache', '--isolation', isolation, '--secret', `id=s,src=${mine}`],
        ...['--build-context', `base=oci-layout://${base}:base`, '-o', output, context],
      ])
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
      expect(readFileSync(join(output, 'seen'), 'utf8')).toBe(`444 1000\n${value.length}\n1000\n${lines}\n`)
      expect(filesWithSecret(user.path('store'))).toEqual([])
    }
  })
})
