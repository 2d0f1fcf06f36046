import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project } from '../support/project.ts'
import { executable, finished, stave, startStave, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

const dockerfile =
  'FROM base\nCOPY f /app/f\nRUN echo made > /app/made && chown 12:34 /app/made && chmod 4755 /app/made\nCMD ["cat", "/app/made"]\n'

function project(): Project {
  return new Project(base, { Dockerfile: dockerfile, f: 'content' })
}

function skopeo(...args: readonly string[]): string {
  return execFileSync('skopeo', args, { encoding: 'utf8' })
}

/** Builds with the shell between: what its redirections make of the command's output. */
function shell(at: Project, redirections: string): { readonly stdout: string; readonly stderr: string } {
  const command = `"$@" ${redirections}; echo "exit status $?" >&2`
  const words = [process.execPath, executable, 'build', '--progress=plain', ...at.args]
  return spawnSync('bash', ['-c', command, 'bash', ...words], {
    encoding: 'utf8',
    env: { ...process.env, STAVE_HOME: at.store },
  })
}

test('a digest that cannot be written is a failure, without a stack trace', () => {
  const { stderr } = shell(project(), '> /dev/full')
  expect(stderr).toMatch(/stave: OUTPUT_FAILED: Cannot write to standard output: .*\nexit status 1\n$/)
  expect(stderr).not.toContain('    at ')
})

test('a build goes on when nobody reads how it goes', () => {
  for (const place of ['/dev/full', '>(exec true)']) {
    const { stdout, stderr } = shell(project(), `2> ${place}`)
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/), 'exit status 0\n'])
  }
})

describe('an output', () => {
  test('of type oci is an archive that skopeo reads, under the name that was given', async () => {
    const at = project()
    const archive = join(at.root, 'image.tar')
    const digest = await at.build('-t', 'registry.example/app:1', '-o', `type=oci,dest=${archive}`)
    const inspected = JSON.parse(skopeo('inspect', `oci-archive:${archive}:1`)) as { readonly Digest: string }
    expect(inspected.Digest).toBe(digest)
  })

  test('of type docker is loaded by podman, with its name and its command', async () => {
    const at = project()
    const archive = join(at.root, 'image.tar')
    await at.build('-t', 'app:2', '-o', `type=docker,dest=${archive}`)
    const podman = (...args: readonly string[]): string =>
      execFileSync(
        'podman',
        ['--root', join(at.root, 'podman'), '--runroot', join(at.root, 'run'), '--storage-driver', 'vfs', ...args],
        {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
    expect(podman('load', '-i', archive)).toContain('docker.io/library/app:2')
    expect(JSON.parse(podman('image', 'inspect', 'docker.io/library/app:2'))).toMatchObject([
      { Config: { Cmd: ['cat', '/app/made'] } },
    ])
  })

  test('of type docker is read by skopeo as docker save would have written it', async () => {
    const at = project()
    const archive = join(at.root, 'image.tar')
    await at.build('-t', 'app:2', '-o', `type=docker,dest=${archive}`)
    expect(JSON.parse(skopeo('inspect', '--config', `docker-archive:${archive}`))).toMatchObject({
      config: { Cmd: ['cat', '/app/made'] },
    })
  })

  test('of type local is the files, owned by the caller, with their modes', async () => {
    const at = project()
    const files = join(at.root, 'files')
    await at.build('-o', `type=local,dest=${files}`)
    const { mode, uid, gid } = statSync(join(files, 'app/made'))
    expect({ mode: (mode & 0o7777).toString(8), uid, gid }).toEqual({
      mode: '4755',
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    })
    expect(readFileSync(join(files, 'app/f'), 'utf8')).toBe('content')
  })

  test('of type local leaves other files of the folder alone', async () => {
    const at = project()
    const files = writeFiles(join(at.root, 'files'), { 'app/mine': 'kept', other: 'kept too' })
    await at.build('-o', `type=local,dest=${files}`)
    expect(readdirSync(join(files, 'app')).sort()).toEqual(['f', 'made', 'mine'])
    expect(existsSync(join(files, 'other'))).toBe(true)
  })

  test('of type local leaves files alone that it made before, unless somebody changed them', async () => {
    const at = project()
    const files = join(at.root, 'files')
    const inodes = (): readonly number[] => ['f', 'made'].map((name) => statSync(join(files, 'app', name)).ino)
    await at.build('-o', `type=local,dest=${files}`)
    const before = inodes()
    await at.build('-o', `type=local,dest=${files}`)
    expect(inodes()).toEqual(before)
    writeFileSync(join(files, 'app/f'), 'CONTENT')
    await at.build('-o', `type=local,dest=${files}`)
    expect(inodes().map((inode, index) => inode === before[index])).toEqual([false, true])
    expect(readFileSync(join(files, 'app/f'), 'utf8')).toBe('content')
  })

  test('given as a path alone is the files, as docker build has it', async () => {
    const at = project()
    await at.build('-o', join(at.root, 'files'))
    expect(readFileSync(join(at.root, 'files/app/f'), 'utf8')).toBe('content')
  })

  test('of type tar keeps owners', async () => {
    const at = project()
    await at.build('-o', `type=tar,dest=${join(at.root, 'files.tar')}`)
    const listing = execFileSync('tar', ['-tvf', join(at.root, 'files.tar'), '--numeric-owner'], { encoding: 'utf8' })
    expect(listing).toMatch(/^-rwsr-xr-x 12\/34 .* app\/made$/m)
  })

  test('with dest=- goes to standard output, and nothing else does', async () => {
    const at = project()
    const child = startStave(['build', '-o', 'type=oci,dest=-', ...at.args], { store: at.store })
    const chunks: Buffer[] = []
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise((resolve) => child.once('close', resolve))
    writeFileSync(join(at.root, 'stdout.tar'), Buffer.concat(chunks))
    expect(JSON.parse(skopeo('inspect', `oci-archive:${join(at.root, 'stdout.tar')}`))).toMatchObject({ Os: 'linux' })
  })

  test('may be one of several', async () => {
    const at = project()
    const digest = await at.build(
      '-t',
      'app',
      '-o',
      `type=oci,dest=${join(at.root, 'a.tar')}`,
      '-o',
      `type=local,dest=${join(at.root, 'b')}`,
      '-o',
      'type=image',
    )
    const listed = await stave(['images'], { store: at.store })
    expect(listed.stdout).toContain(digest.slice(0, 19))
    expect(existsSync(join(at.root, 'a.tar'))).toBe(true)
    expect(existsSync(join(at.root, 'b/app/f'))).toBe(true)
  })

  test('leaves an earlier file of its name untouched when the build fails', async () => {
    const at = project()
    writeFiles(at.root, { 'image.tar': 'earlier' })
    writeFiles(at.context, { Dockerfile: 'FROM base\nRUN exit 3\n' })
    const { code } = await at.try('-o', `type=oci,dest=${join(at.root, 'image.tar')}`)
    expect(code).toBe(1)
    expect(readFileSync(join(at.root, 'image.tar'), 'utf8')).toBe('earlier')
    expect(readdirSync(at.root).sort()).toEqual(['context', 'image.tar', 'store'])
  })

  test('that cannot be written says so, and leaves nothing half-done', async () => {
    const at = project()
    writeFiles(at.root, { blocked: 'a file, no folder' })
    const { code, stderr } = await at.try('-o', `type=oci,dest=${join(at.root, 'blocked/image.tar')}`)
    expect(code).toBe(1)
    expect(stderr).toContain('OUTPUT_FAILED')
    expect(stderr).not.toContain('    at ')
  })
})

test('a full disk ends the build with an error that says so, and the store works on', async () => {
  const at = project()
  const small = join(at.root, 'small')
  mkdirSync(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small])
  try {
    writeFiles(at.context, { Dockerfile: 'FROM base\nCOPY big /big\nCOPY f /f\n' })
    execFileSync('dd', ['if=/dev/urandom', `of=${join(at.context, 'big')}`, 'bs=1M', 'count=12', 'status=none'])
    const full = await stave(['build', ...at.args], { store: join(small, 'store') })
    expect(full.code).toBe(1)
    expect(full.stderr).toMatch(/DISK_FULL/)
    writeFiles(at.context, { Dockerfile: 'FROM base\nCOPY f /f\n' })
    const after = await stave(['build', ...at.args], { store: join(small, 'store') })
    expect(after.code).toBe(0)
    expect(readdirSync(join(small, 'store/v1/tmp'))).toEqual([])
  } finally {
    execFileSync('umount', [small])
  }
})

describe('records for programs', () => {
  test('--iidfile has the digest of the config, --metadata-file what was built', async () => {
    const at = project()
    const layout = join(at.root, 'layout')
    const [iid, metadata] = [join(at.root, 'iid'), join(at.root, 'metadata.json')]
    const digest = await at.build(
      '-t',
      'app:1',
      '--iidfile',
      iid,
      '--metadata-file',
      metadata,
      '-o',
      `type=oci,dest=${layout},tar=false`,
    )
    const manifest = JSON.parse(skopeo('inspect', '--raw', `oci:${layout}:1`)) as {
      readonly config: { readonly digest: string }
    }
    expect(readFileSync(iid, 'utf8')).toBe(manifest.config.digest)
    expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({
      'containerimage.digest': digest,
      'containerimage.config.digest': manifest.config.digest,
      'image.name': 'docker.io/library/app:1',
    })
  })

  test('--quiet prints the digest and nothing else', async () => {
    const { code, stdout, stderr } = await project().try('--quiet')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/)
  })

  test('--progress=rawjson writes one event a line', async () => {
    const { stderr } = await project().try('--progress=rawjson')
    const events = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string })
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['task-started', 'task-finished', 'vertex-started', 'vertex-finished', 'vertex-missed']),
    )
  })
})

describe('the local store', () => {
  test('lists, shows and forgets names', async () => {
    const at = project()
    const digest = await at.build('-t', 'app:1')
    const shown = await stave(['inspect', 'app:1'], { store: at.store })
    expect(JSON.parse(shown.stdout)).toMatchObject({
      name: 'docker.io/library/app:1',
      descriptor: { digest },
      config: { os: 'linux' },
    })
    expect(await stave(['rmi', 'app:1'], { store: at.store })).toMatchObject({
      code: 0,
      stdout: 'docker.io/library/app:1\n',
    })
    const gone = await stave(['inspect', 'app:1'], { store: at.store })
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('IMAGE_NOT_FOUND') as unknown })
  })

  test('is where FROM looks first', async () => {
    const at = project()
    await at.build('-t', 'parent')
    writeFiles(at.context, { Dockerfile: 'FROM parent\nRUN cat /app/made\n' })
    const { code, stderr } = await at.try()
    expect({ code, ran: stderr.includes('made') }).toEqual({ code: 0, ran: true })
  })
})

test('wrong usage ends with status 2 and says what is wrong', async () => {
  const at = project()
  const cases = [
    ['build'],
    ['build', '--no-such-option', at.context],
    ['build', '--network=some', at.context],
    ['build', '-o', 'type=nothing', at.context],
    ['build', '-o', 'type=oci', at.context],
    ['build', '--platform', 'a/b/c/d', at.context],
    ['build', '-t', 'Upper:case', at.context],
    ['no-such-command'],
  ]
  for (const args of cases) {
    const { code, stderr } = await finished(startStave(args, { store: at.store }))
    expect({ args, code, silent: stderr === '', trace: stderr.includes('    at ') }).toEqual({
      args,
      code: 2,
      silent: false,
      trace: false,
    })
  }
})
