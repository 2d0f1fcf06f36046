import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { lingering } from '../support/leftovers.ts'
import { repository, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
const prefix = join(folder.path, 'prefix')
const program = join(folder.path, 'program')
const context = join(folder.path, 'context')
const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { readonly version: string }
let archive: string
let base: string

/** What npm tells the scripts that it runs, such as the one that runs these tests, is not for an npm of its own. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(registry|userconfig))/.test(name)),
)

beforeAll(() => {
  base = makeBaseLayout(folder.path)
  writeFiles(context, {
    Dockerfile: `FROM base AS failing
RUN true
RUN exit 3
FROM base AS sleeping
RUN echo began && sleep 876543
FROM base
ARG WORDS=nothing
RUN echo "$WORDS" | tee /words
`,
  })
  archive = pack()
  npm('install', '--global', '--prefix', prefix, archive)
  cpSync(join(repository, 'fixtures/package'), program, { recursive: true })
  npm('install', '--prefix', program, '--prefer-offline', archive)
}, 240_000)
afterAll(() => folder[Symbol.dispose]())

/** Packs a copy of the repository: packing builds, and other tests are using what has been built. */
function pack(): string {
  const copy = join(folder.path, 'repository')
  const left = new Set(['node_modules', '.git', 'dist', 'out', 'coverage'])
  cpSync(repository, copy, { recursive: true, filter: (path) => path === repository || !left.has(basename(path)) })
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder.path], { cwd: copy, env, stdio: 'pipe' })
  return join(folder.path, `stave-${version}.tgz`)
}

function npm(...args: readonly string[]): void {
  execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd: folder.path, env, stdio: 'pipe' })
}

/** V8 takes what the same version of Node has compiled, and no other. */
const compiledBy = `${process.version}-${process.arch}`

describe('the package', () => {
  test('holds what is run and its types, and nothing that only its developers need', () => {
    const names = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n')
    for (const needed of [
      'dist/bin.cjs',
      'dist/bin.code.cjs',
      `dist/bin.code.${compiledBy}.cache`,
      'dist/index.js',
      'dist/executor.cjs',
      'dist/executor.code.cjs',
      `dist/executor.code.${compiledBy}.cache`,
      'dist/types/src/index.d.ts',
      'LICENSE',
      'README.md',
    ])
      expect(names).toContain(`package/${needed}`)
    const unexpected = names.filter((name) => !/^package\/(dist\/|docs\/|package\.json$|[A-Z]+(\.md)?$)/.test(name))
    expect(unexpected).toEqual([])
    expect(names.filter((name) => /\.test\.|\.suite\./.test(name))).toEqual([])
  })
})

test('the command starts with little to read: what few builds need lies in files of its own', () => {
  expect(statSync(join(repository, 'dist/bin.code.cjs')).size).toBeLessThan(900_000)
})

describe('the installed command', () => {
  const stave = join(prefix, 'bin/stave')

  test('says its version', () => {
    expect(execFileSync(stave, ['--version'], { encoding: 'utf8' })).toBe(`${version}\n`)
  })

  test('builds an image that others can read', () => {
    const root = temporaryFolder()
    const image = join(root, 'image.tar')
    const args = ['-q', '--root', join(root, 'store'), '--build-context', `base=oci-layout://${base}:base`]
    execFileSync(stave, ['build', ...args, '-t', 'installed', '-o', `type=oci,dest=${image}`, context], {
      stdio: 'pipe',
    })
    const shown = execFileSync('skopeo', ['inspect', `oci-archive:${image}`], { encoding: 'utf8' })
    expect(JSON.parse(shown)).toMatchObject({ Os: 'linux', Labels: { from: 'base' } })
  })
})

describe('a program that imports the library', () => {
  beforeAll(() => {
    symlinkSync(join(repository, 'node_modules/@types'), join(program, 'node_modules/@types'))
    const { stdout, status } = spawnSync(join(repository, 'node_modules/.bin/tsc'), ['-p', program], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the program does not compile:\n${stdout}`)
  })

  /** Runs a part of fixtures/package/program.ts.
   *  @returns what it printed */
  function run(scenario: string, root = temporaryFolder()): unknown {
    mkdirSync(join(root, 'store'))
    const args = [join(program, 'program.js'), scenario, context, base, join(root, 'store'), join(root, 'file')]
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return JSON.parse(stdout)
  }

  test('sees every event, then the image', () => {
    expect(run('builds')).toEqual({
      types: expect.arrayContaining(['vertex-started', 'vertex-output', 'vertex-finished']) as unknown,
      output: 'from the program\n',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown,
      names: ['docker.io/library/program:latest'],
    })
  })

  test('gets its image without reading the events', () => {
    expect(run('needs no reader of events')).toEqual({ digest: expect.stringMatching(/^sha256:/) as unknown })
  })

  test('catches a failed step as a BuildError with its line, after the last event', () => {
    expect(run('fails')).toEqual({ events: true, code: 'RUN_FAILED', line: 3, isError: true })
  })

  test('is told of an option that there is not', () => {
    expect(run('is given an unknown option')).toEqual({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('"colour"') as unknown,
    })
  })

  test('ends a build by its signal, catches the reason it gave, and leaves no process', async () => {
    const root = temporaryFolder()
    expect(run('aborts', root)).toEqual({ isReason: true })
    expect(await lingering('876543', 1)).toEqual([])
    expect(await lingering(root, 1)).toEqual([])
  })

  test('gets an archive through the stream that it gave as standard output', () => {
    const root = temporaryFolder()
    run('pipes an archive', root)
    const shown = execFileSync('skopeo', ['inspect', `oci-archive:${join(root, 'file')}`], { encoding: 'utf8' })
    expect(JSON.parse(shown)).toMatchObject({ Os: 'linux' })
  })
})
