import { execFileSync } from 'node:child_process'
import { lstatSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { layerNames, Project } from '../support/project.ts'
import { stave, type Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

function project(dockerfile: string, files: Files = {}): Project {
  return new Project(base, { Dockerfile: dockerfile, ...files })
}

describe('the config', () => {
  test('says what the instructions say', async () => {
    const { config, author } = await project(`FROM base
MAINTAINER somebody
ENV A=1 B="two words"
LABEL l=1
WORKDIR /srv
USER app:extra
EXPOSE 80 53/udp
VOLUME /data
STOPSIGNAL SIGQUIT
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=5s CMD true
ENTRYPOINT ["/bin/echo"]
CMD hello $A
ONBUILD RUN echo later
`).buildConfig('--label', 'added=by option')
    expect(author).toBe('somebody')
    expect(config).toEqual({
      ArgsEscaped: true,
      Cmd: ['/bin/sh', '-ec', 'hello $A'],
      Entrypoint: ['/bin/echo'],
      Env: ['PATH=/bin:/usr/bin', 'A=1', 'B=two words'],
      ExposedPorts: { '53/udp': {}, '80/tcp': {} },
      Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5_000_000_000 },
      Labels: { added: 'by option', from: 'base', l: '1' },
      OnBuild: ['RUN echo later'],
      Shell: ['/bin/sh', '-ec'],
      StopSignal: 'SIGQUIT',
      User: 'app:extra',
      Volumes: { '/data': {} },
      WorkingDir: '/srv',
    })
  })

  test('an ENTRYPOINT clears the CMD of the base', async () => {
    expect((await project('FROM base\nENTRYPOINT ["/bin/true"]\n').buildConfig()).config).not.toHaveProperty('Cmd')
  })

  test('history tells each instruction once, and has a layer for those that make one', async () => {
    const { history, rootfs } = await project(
      'FROM base\nARG A=1\nENV E=2\nRUN echo $A\nWORKDIR /w\nWORKDIR /\nCOPY f /f\nCMD ["x", "y"]\n',
      { f: '' },
    ).buildConfig()
    const own = history.filter(({ comment }) => comment === 'buildkit.dockerfile.v0')
    expect(own.map(({ created_by, empty_layer = false }) => [created_by, empty_layer])).toEqual([
      ['ARG A=1', true],
      ['ENV E=2', true],
      ['RUN |1 A=1 /bin/sh -c echo $A # buildkit', false],
      ['WORKDIR /w', false],
      ['WORKDIR /', true],
      ['COPY f /f # buildkit', false],
      ['CMD ["x" "y"]', true],
    ])
    expect(history.filter(({ empty_layer }) => empty_layer !== true)).toHaveLength(rootfs.diff_ids.length)
  })

  test('an image of metadata alone has empty lists, and podman takes it', async () => {
    const layout = await project('FROM scratch\nLABEL a=b\n').buildLayout()
    const raw = execFileSync('skopeo', ['inspect', '--raw', `oci:${layout}:latest`], { encoding: 'utf8' })
    expect(JSON.parse(raw)).toMatchObject({ layers: [] })
  })
})

test('proxies of the environment reach RUN, and neither the image nor the keys', async () => {
  const at = project('FROM base\nRUN echo "proxy is $http_proxy"\n')
  const build = (proxy: string) =>
    stave(['build', '--progress=plain', ...at.args], { store: at.store, env: { http_proxy: proxy, HTTP_PROXY: '' } })
  const first = await build('http://127.0.0.1:1')
  const second = await build('http://127.0.0.1:2')
  expect(first.stderr).toContain('proxy is http://127.0.0.1:1')
  expect(second.stderr).toContain('RUN echo "proxy is $http_proxy"\n#4 CACHED')
  const shown = await stave(['build', '-t', 'shown', ...at.args], {
    store: at.store,
    env: { http_proxy: 'http://127.0.0.1:3' },
  })
  expect(shown.code).toBe(0)
  expect((await stave(['inspect', 'shown'], { store: at.store })).stdout).not.toContain('127.0.0.1')
})

describe('layers', () => {
  test('a step that changes nothing has the empty layer that everybody has', async () => {
    const { rootfs } = await project('FROM base\nRUN true\n').buildConfig()
    expect(rootfs.diff_ids.at(-1)).toBe('sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef')
  })

  test('a RUN leaves nothing of the files that were mounted for it', async () => {
    const layers = layerNames(await project('FROM base\nRUN cat /etc/hosts /etc/resolv.conf > /seen\n').buildLayout())
    expect(layers.at(-1)).toEqual(expect.arrayContaining(['seen']))
    expect(layers.at(-1)?.filter((name) => name.startsWith('etc'))).toEqual([])
  })

  test('only the first RUN on a bare base leaves the directories that the system mounts on', async () => {
    const layers = layerNames(await project('FROM base\nRUN true\nRUN true\n').buildLayout())
    expect(layers.slice(-2)).toEqual([[], []])
    const bare = project('FROM scratch\nCOPY busybox /bin/sh\nRUN ["/bin/sh", "-c", "true"]\n')
    execFileSync('cp', ['/bin/busybox', join(bare.context, 'busybox')])
    expect(layerNames(await bare.buildLayout()).at(-1)).toEqual(expect.arrayContaining(['dev/', 'proc/', 'sys/']))
  })

  test('removals are whiteouts, a directory made anew removes its old names one by one, and no opaque mark is used', async () => {
    const layers = layerNames(
      await project(`FROM base
RUN mkdir /d && echo 1 > /d/a && echo 2 > /d/b && echo 3 > /f
RUN rm /f /etc/motd && rm -r /d && mkdir /d && echo 4 > /d/b
`).buildLayout(),
    )
    expect(layers.at(-1)?.toSorted()).toEqual(['.wh.f', 'd/', 'd/.wh.a', 'd/b', 'etc/', 'etc/.wh.motd'])
  })

  test('are the same bytes when the same is built in another store', async () => {
    const files = { f: 'content', 'd/e': 'more' }
    const dockerfile = 'FROM base\nCOPY . /app\nRUN touch -d @1000000000 /x / && ln /x /y\n'
    const [first, second] = [project(dockerfile, files), project(dockerfile, files)]
    for (const { context } of [first, second])
      execFileSync('find', [context, '-exec', 'touch', '-d', '@1500000000', '{}', '+'])
    const [a, b] = await Promise.all([first.buildConfig(), second.buildConfig()])
    expect(a.rootfs.diff_ids.at(-1)).toBe(b.rootfs.diff_ids.at(-1))
  })
})

describe('the tree', () => {
  test('of the image equals that of the steps: types, modes, owners, links, attributes, content', async () => {
    const at = project(
      `FROM base
RUN mkdir -p /t/dir && cd /t && echo x > file && chmod 4751 file && ln file hard && ln -s ../nowhere soft && mkfifo pipe \\
 && mknod null c 1 3 && chown 12:34 dir && chmod 1777 dir && echo long > $(printf 'n%.0s' $(seq 150)) && touch 'ünï cödé' \\
 && dd if=/dev/zero of=sparse bs=1 count=0 seek=1000000 2>/dev/null
RUN rm /t/hard && echo y >> /t/file && mv /t/dir /t/moved
COPY --chown=app:extra --chmod=u=rwX,go= src /t/copied
`,
      { 'src/a': 'a', 'src/deep/b': ['b', 0o755] },
    )
    const image = describeTree(await at.buildTree())
    const files = describeTree(await at.buildFiles())
    expect(image).toEqual(files)
    expect(image).toEqual(
      expect.arrayContaining([
        't/file f 4751 0:0 ',
        't/soft l 777 0:0 ../nowhere',
        't/pipe p 644 0:0 ',
        't/null c 644 0:0 ',
        't/moved d 1777 12:34 ',
        't/copied/deep d 700 1000:2000 ',
        't/copied/a f 600 1000:2000 ',
      ]),
    )
  })

  test('carries file capabilities and user attributes', async () => {
    const at = project('FROM base\nCOPY tool /tool\nRUN true\n', { tool: 'x' })
    const first = await at.buildLayout('-t', 'local')
    const rootfs = unpackWithUmoci(first, 'latest', join(at.root, 'plain'))
    execFileSync('setcap', ['cap_net_raw+ep', join(rootfs, 'tool')])
    execFileSync('setfattr', ['-n', 'user.note', '-v', 'hello', join(rootfs, 'tool')])
    const bundle = join(at.root, 'plain/bundle')
    execFileSync('umoci', ['repack', '--image', `${first}:marked`, bundle], { stdio: 'pipe' })
    writeFileSync(
      join(at.context, 'Dockerfile'),
      'FROM marked\nRUN mkdir /new && chmod 755 /tool\nFROM marked\nCOPY --from=0 /tool /copy\n',
    )
    const tree = await at.buildTree('--build-context', `marked=oci-layout://${first}:marked`)
    const attributes = execFileSync('getfattr', ['-d', '-m', '-', '-e', 'text', join(tree, 'copy')], {
      encoding: 'utf8',
    })
    expect(attributes).toContain('user.note="hello"')
    expect(execFileSync('getcap', [join(tree, 'copy')], { encoding: 'utf8' })).toContain('cap_net_raw=ep')
  })

  test('ADD unpacks local archives of every kind, whatever they are called', async () => {
    const at = project('FROM base\nADD a b c d /plain/\nADD data.zip /\n', {
      'payload/f': 'content',
      'data.zip': 'no tar',
    })
    for (const [name, option] of [
      ['a', ''],
      ['b', '-z'],
      ['c', '-J'],
      ['d', '-j'],
    ] as const) {
      writeFileSync(join(at.context, 'payload', `from-${name}`), name)
      execFileSync('tar', [
        '-c',
        ...(option === '' ? [] : [option]),
        '-f',
        join(at.context, name),
        '-C',
        join(at.context, 'payload'),
        '.',
      ])
    }
    const tree = await at.buildTree()
    expect(readdirSync(join(tree, 'plain')).sort()).toEqual(['f', 'from-a', 'from-b', 'from-c', 'from-d'])
    expect(readFileSync(join(tree, 'data.zip'), 'utf8')).toBe('no tar')
  })

  test('a heredoc becomes a file, a script, or a shebang program', async () => {
    const tree = await project(`FROM base
RUN <<SCRIPT
echo one > /one
echo two > /two
SCRIPT
RUN <<PROGRAM
#!/bin/awk -f
BEGIN { print "three" > "/three" }
PROGRAM
ARG NAME=world
COPY <<FILE <<'RAW' /files/
hello $NAME
FILE
hello $NAME
RAW
`).buildTree()
    const read = (path: string) => readFileSync(join(tree, path), 'utf8')
    expect(['one', 'two', 'three', 'files/FILE', 'files/RAW'].map(read)).toEqual([
      'one\n',
      'two\n',
      'three\n',
      'hello world\n',
      'hello $NAME\n',
    ])
  })

  test('ONBUILD triggers of a base run in the child', async () => {
    const at = project('FROM base\nONBUILD COPY f /f\nONBUILD RUN echo ran > /ran\n', { f: 'x' })
    const layout = await at.buildLayout()
    writeFileSync(join(at.context, 'Dockerfile'), 'FROM parent\nRUN cat /f /ran > /both\n')
    const tree = await at.buildTree('--build-context', `parent=oci-layout://${layout}:latest`)
    expect(readFileSync(join(tree, 'both'), 'utf8')).toBe('xran\n')
  })

  test('COPY --link does not follow links of the tree below', async () => {
    const at = project('FROM base\nCOPY --link f /lib/f\n', { f: 'x' })
    const layers = layerNames(await at.buildLayout())
    expect(layers.at(-1)).toEqual(['lib/', 'lib/f'])
  })

  test('.dockerignore leaves files out, and a link in the context never leads out of it', async () => {
    const at = project('FROM base\nCOPY . /app\n', {
      a: '',
      'secret.key': '',
      '.dockerignore': '*.key\n!.dockerignore\nDockerfile\n',
    })
    symlinkSync('/etc/shadow', join(at.context, 'out'))
    const tree = await at.buildTree()
    expect(readdirSync(join(tree, 'app')).sort()).toEqual(['.dockerignore', 'a', 'out'])
    expect(lstatSync(join(tree, 'app/out')).isSymbolicLink()).toBe(true)
  })
})
