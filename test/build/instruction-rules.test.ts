import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { look } from '../support/look.ts'
import { layerNames, Project } from '../support/project.ts'
import type { Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

// What instructions do when they are carried out, as BuildKit does it, a build for each rule.

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

interface Case {
  /** Without its first FROM, which is the base. */
  readonly dockerfile: string
  readonly files?: Files
  readonly prepare?: string
  readonly args?: readonly string[]
}

function projectOf({ dockerfile, files = {}, prepare }: Case): Project {
  const text =
    dockerfile.startsWith('FROM') || dockerfile.startsWith('ARG GLOBAL') ? dockerfile : `FROM base\n${dockerfile}`
  const at = new Project(base, { Dockerfile: `${text}\n`, ...files })
  if (prepare !== undefined) execFileSync('bash', ['-ec', prepare], { cwd: at.context })
  return at
}

/** What each step prints to the file /out, or to files below /out. */
interface Printing extends Case {
  readonly out: string
}

const printing: Readonly<Record<string, Printing>> = {
  // environment
  'ENV: a later one sees an earlier one': { dockerfile: 'ENV a=1\nENV b=$a$a\nRUN echo $b > /out', out: '11\n' },
  'ENV: one instruction sees what was before it': {
    dockerfile: 'ENV a=1\nENV a=2 b=$a\nRUN echo $a$b > /out',
    out: '21\n',
  },
  'ENV: the old form takes the rest of the line': {
    dockerfile: 'ENV a b  "c"\nRUN echo "$a" > /out',
    out: 'b  c\n',
  },
  'ENV: single quotes keep the dollar': { dockerfile: `ENV a='$x'\nRUN echo "$a" > /out`, out: '$x\n' },
  'ARG: its default reaches RUN': { dockerfile: 'ARG a=1\nRUN echo $a > /out', out: '1\n' },
  'ARG: an option of the command wins over its default': {
    dockerfile: 'ARG a=1\nRUN echo $a > /out',
    args: ['--build-arg', 'a=2'],
    out: '2\n',
  },
  'ARG: it counts from its line on': { dockerfile: 'RUN echo "<$a>" > /out\nARG a=1', out: '<>\n' },
  'ARG: a global one counts in a stage that declares it': {
    dockerfile: 'ARG GLOBAL=1\nFROM base\nARG GLOBAL\nRUN echo "<$GLOBAL>" > /out',
    out: '<1>\n',
  },
  'ARG: a global one does not count in a stage that does not': {
    dockerfile: 'ARG GLOBAL=1\nFROM base\nRUN echo "<$GLOBAL>" > /out',
    out: '<>\n',
  },
  'ARG: the last declaration wins, ENV or ARG': {
    dockerfile: 'ENV a=env\nARG a=arg\nRUN echo $a > /out',
    out: 'arg\n',
  },
  'ARG: a stage has what the stage that it starts with has': {
    dockerfile: 'FROM base AS one\nARG a=1\nENV b=2\nFROM one\nRUN echo "<$a$b>" > /out',
    out: '<12>\n',
  },
  'ARG: the platform is told where it is asked for': {
    dockerfile: 'ARG TARGETOS TARGETARCH\nRUN echo $TARGETOS/$TARGETARCH > /out',
    args: ['--platform', 'linux/amd64'],
    out: 'linux/amd64\n',
  },
  'RUN: has a PATH where the image gives none': {
    dockerfile: 'FROM scratch\nCOPY --from=base / /\nRUN echo $PATH > /out',
    out: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n',
  },
  'RUN: HOME is the user’s': {
    dockerfile: 'USER app\nRUN echo $HOME > /tmp/h\nUSER root\nRUN cat /tmp/h > /out',
    out: '/home/app\n',
  },
  // forms of RUN
  'RUN: the exec form has no shell': {
    dockerfile: 'ENV a=1\nRUN ["/bin/sh", "-c", "echo $0 > /out", "$a"]',
    out: '$a\n',
  },
  'RUN: what looks like JSON and is none is for the shell': {
    dockerfile: `RUN ['echo', 'x'] || echo shell > /out`,
    out: 'shell\n',
  },
  'RUN: continued lines are one, comments between them vanish': {
    dockerfile: 'RUN echo a \\\n# no part of it\n  b > /out',
    out: 'a b\n',
  },
  'RUN: SHELL is what reads it': {
    dockerfile: 'SHELL ["/bin/sh", "-xc"]\nRUN case $- in *x*) echo x > /out;; esac',
    out: 'x\n',
  },
  'RUN: an empty working directory is made': { dockerfile: 'WORKDIR /a/b\nRUN pwd > /out', out: '/a/b\n' },
  'RUN: nobody is at the keyboard': { dockerfile: 'RUN wc -c > /out; tty >> /out || true', out: '0\nnot a tty\n' },
  'RUN: the umask is 022': { dockerfile: 'RUN umask > /out', out: '0022\n' },
  'RUN: its host has a name of its own': { dockerfile: 'RUN hostname > /out', out: 'buildkitsandbox\n' },
  'RUN: the host’s name can be given': {
    dockerfile: 'RUN hostname > /out',
    args: ['--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=other'],
    out: 'other\n',
  },
  'RUN: is the first process of its own world': { dockerfile: 'RUN echo $$ > /out', out: '1\n' },
  'RUN: what runs on in the background ends with it': {
    dockerfile: 'RUN (sleep 60; echo late > /late) & echo began > /out\nRUN test ! -e /late',
    out: 'began\n',
  },
  'RUN: without network only the loopback is there': {
    dockerfile: 'RUN --network=none ls /sys/class/net > /out',
    out: 'lo\n',
  },
  'RUN: /etc/hosts cannot be changed, and is not in the image': {
    dockerfile: 'RUN (echo x >> /etc/hosts) 2>/dev/null || echo refused > /out\nRUN --network=none test -s /etc/hosts',
    out: 'refused\n',
  },
  // heredocs
  'heredoc: a script for the shell, whose variables are the shell’s': {
    dockerfile: 'ARG a=1\nRUN <<E\nb=2\necho $a$b > /out\nE',
    out: '12\n',
  },
  'heredoc: a script with an interpreter of its own': {
    dockerfile: 'RUN <<E\n#!/bin/awk -f\nBEGIN { print "awk" > "/out" }\nE',
    out: 'awk\n',
  },
  'heredoc: within a command, it is standard input': { dockerfile: 'RUN cat > /out <<E\nin\nE', out: 'in\n' },
  'heredoc: two in one command': {
    dockerfile: 'RUN cat <<A > /a && cat <<B > /b && cat /a /b > /out\n1\nA\n2\nB',
    out: '1\n2\n',
  },
  'heredoc: tabs at the beginning are taken away with a dash': {
    dockerfile: 'RUN cat > /out <<-E\n\t\tin\n\tE',
    out: 'in\n',
  },
  'heredoc: a file with the Dockerfile’s variables': {
    dockerfile: 'ARG a=1\nCOPY <<E /out\nhas $a and "quotes"\nE',
    out: 'has 1 and "quotes"\n',
  },
  'heredoc: quotes around its name keep the dollars': { dockerfile: `COPY <<'E' /out\nhas $a\nE`, out: 'has $a\n' },
  'heredoc: # is no comment in it': { dockerfile: 'COPY <<E /out\n# a\n  b\nE', out: '# a\n  b\n' },
  'heredoc: a file named by its name': {
    dockerfile: 'COPY <<one <<two /d/\n1\none\n2\ntwo\nRUN cat /d/one /d/two > /out',
    out: '1\n2\n',
  },
  'heredoc: --chmod and --chown count': {
    dockerfile: 'COPY --chmod=751 --chown=app <<E /f\nE\nRUN stat -c "%a %u:%g" /f > /out',
    out: '751 1000:1001\n',
  },
  // users and directories
  'USER: with its groups': {
    dockerfile: 'USER app\nRUN id -u > /tmp/o; id -G >> /tmp/o\nUSER 0\nRUN cat /tmp/o > /out',
    out: '1000\n1001 2000\n',
  },
  'USER: with a group, that group alone': {
    dockerfile: 'USER app:extra\nRUN id -G > /tmp/o\nUSER 0\nRUN cat /tmp/o > /out',
    out: '2000\n',
  },
  'USER: numbers that nobody knows': {
    dockerfile: 'USER 7:8\nRUN id -u > /tmp/o; id -g >> /tmp/o\nUSER 0\nRUN cat /tmp/o > /out',
    out: '7\n8\n',
  },
  'WORKDIR: belongs to whoever is USER, all that is made of it': {
    dockerfile: 'USER app\nWORKDIR /a/b\nUSER 0\nRUN stat -c "%u:%g %a" /a /a/b > /out',
    out: '1000:1001 755\n1000:1001 755\n',
  },
  'WORKDIR: relative ones add up, variables count': {
    dockerfile: 'ENV d=x\nWORKDIR /a\nWORKDIR $d/../y\nRUN pwd > /out',
    out: '/a/y\n',
  },
  'VOLUME: what is written below it later stays': {
    dockerfile: 'VOLUME /v\nRUN mkdir /v && echo kept > /v/f\nRUN cat /v/f > /out',
    out: 'kept\n',
  },
  // triggers
  'ONBUILD: runs right after FROM, with the child’s context': {
    dockerfile: 'FROM base AS parent\nONBUILD COPY a /a\nONBUILD RUN cat /a > /out\nFROM parent\nRUN cat /a >> /out',
    files: { a: 'a\n' },
    out: 'a\na\n',
  },
  'ONBUILD: variables are those of the child': {
    dockerfile: 'FROM base AS parent\nENV v=child\nONBUILD RUN echo $v > /out\nFROM parent',
    out: 'child\n',
  },
  'ONBUILD: does not run in the grandchild': {
    dockerfile:
      'FROM base AS parent\nONBUILD RUN echo once >> /out\nFROM parent AS child\nRUN true\nFROM child\nRUN true',
    out: 'once\n',
  },
  // stages
  'FROM: a stage begins where the other ended': {
    dockerfile: 'FROM base AS one\nRUN echo 1 > /out\nFROM one\nRUN echo 2 >> /out',
    out: '1\n2\n',
  },
  'FROM: of two stages of one name, the later counts': {
    dockerfile: 'FROM base AS a\nRUN echo 1 > /out\nFROM base AS a\nRUN echo 2 > /out\nFROM a',
    out: '2\n',
  },
  'target: a stage in the middle': {
    dockerfile: 'FROM base AS one\nRUN echo 1 > /out\nFROM base\nRUN false',
    args: ['--target', 'one'],
    out: '1\n',
  },
  'target: a stage by its number': {
    dockerfile: 'FROM base\nRUN echo 1 > /out\nFROM base\nRUN false',
    args: ['--target', '0'],
    out: '1\n',
  },
}

describe('a step sees', () => {
  test.each(Object.entries(printing))('%s', async (_, wanted) => {
    const tree = await projectOf(wanted).buildFiles(...(wanted.args ?? []))
    expect(readFileSync(join(tree, 'out'), 'utf8')).toBe(wanted.out)
  })
})

/** What the last layer holds, as GNU tar lists it. */
interface Layer extends Case {
  readonly last: readonly string[]
}

const layers: Readonly<Record<string, Layer>> = {
  'what was written, and the directories on the way': {
    dockerfile: 'RUN echo x > /etc/new',
    last: ['etc/', 'etc/new'],
  },
  'nothing of a step that changes nothing': { dockerfile: 'RUN true', last: [] },
  'a removal by name': { dockerfile: 'RUN rm /etc/motd', last: ['etc/', 'etc/.wh.motd'] },
  'of what was made and removed again, the directory whose time that changed': {
    dockerfile: 'RUN echo x > /tmp/f && rm /tmp/f',
    last: ['tmp/'],
  },
  'a file whose time alone was changed': { dockerfile: 'RUN touch -d @1000 /etc/motd', last: ['etc/', 'etc/motd'] },
  'no file that was written the same way': {
    dockerfile:
      'RUN touch -d @1000 /etc/motd\nRUN cp -p /etc/motd /tmp/m && cat /tmp/m > /etc/motd && touch -d @1000 /etc/motd && rm /tmp/m',
    last: ['tmp/'],
  },
  'a directory that was made anew, as removals of what is gone': {
    dockerfile: 'RUN mkdir /d && touch /d/a /d/b\nRUN rm -r /d && mkdir /d && touch /d/b',
    last: ['d/', 'd/.wh.a', 'd/b'],
  },
  'a link in the place of a directory': {
    dockerfile: 'RUN mkdir /d && touch /d/a\nRUN rm -r /d && ln -s tmp /d',
    last: ['d'],
  },
  'all of a directory that was renamed': {
    dockerfile: 'RUN mkdir -p /d/e && touch /d/e/a\nRUN mv /d /f',
    last: ['.wh.d', 'f/', 'f/e/', 'f/e/a'],
  },
  'just the name of a file of several that was written to': {
    dockerfile: 'RUN mkdir /d && echo x > /d/a && ln /d/a /d/b\nRUN echo y > /d/a',
    last: ['d/', 'd/a'],
  },
  'no trace of mounts': {
    dockerfile: 'RUN --mount=type=tmpfs,target=/m/t --mount=type=bind,source=/,target=/m/b touch /m/t/x',
    last: [],
  },
  'no socket': {
    dockerfile: 'RUN (nc -lU /tmp/s & sleep 0.2) 2>/dev/null; touch /tmp/f',
    last: ['tmp/', 'tmp/f'],
  },
  'one entry for a working directory that is made': { dockerfile: 'WORKDIR /etc/w', last: ['etc/', 'etc/w/'] },
  'nothing for a working directory that is there': { dockerfile: 'WORKDIR /etc', last: [] },
}

describe('a layer holds', () => {
  test.each(Object.entries(layers))('%s', async (_, wanted) => {
    expect(layerNames(await projectOf(wanted).buildLayout()).at(-1)).toEqual(wanted.last)
  })
})

/** What `COPY . /` takes of a context. */
interface Ignoring {
  readonly ignore: string
  readonly files: readonly string[]
  readonly taken: readonly string[]
  /** Name of the ignore file. */
  readonly name?: string
}

const ignoring: Readonly<Record<string, Ignoring>> = {
  'I2: comments begin in the first column, spaces around a line do not count': {
    ignore: '# c\n #d\n  a  \n\n',
    files: ['a', 'b', '#d', '# c'],
    taken: ['# c', 'b'],
  },
  'I3: a name is one of the root, a leading slash changes nothing': {
    ignore: 'a\n/b',
    files: ['a', 'b', 'x/a', 'x/b'],
    taken: ['x', 'x/a', 'x/b'],
  },
  'I3: a slash at the end changes nothing': { ignore: 'a/\nb/', files: ['a/x', 'b'], taken: [] },
  'I3: paths are cleaned': { ignore: './x/../a', files: ['a', 'b'], taken: ['b'] },
  'I4: an asterisk does not go into folders': {
    ignore: '*.c\n*/*.h',
    files: ['a.c', 'x/a.c', 'a.h', 'x/a.h'],
    taken: ['a.h', 'x', 'x/a.c'],
  },
  'I4: two do': { ignore: '**/*.c', files: ['a.c', 'x/a.c', 'x/y/a.c', 'a.h'], taken: ['a.h', 'x', 'x/y'] },
  'I4: a question mark, a class, an escape': {
    ignore: '?\n[x-z]1\n\\*',
    files: ['a', 'ab', 'x1', 'w1', '**'],
    taken: ['**', 'ab', 'w1'],
  },
  'I5: a folder with all that is in it': { ignore: 'x', files: ['x/y/a', 'b'], taken: ['b'] },
  'I6: the last line that matches wins': { ignore: 'a*\n!ab\nabc', files: ['a', 'ab', 'abc'], taken: ['ab'] },
  'I6: a file below an ignored folder can be taken back': {
    ignore: 'x\n!x/y/a',
    files: ['x/y/a', 'x/y/b', 'x/c'],
    taken: ['x', 'x/y', 'x/y/a'],
  },
  'I6: all but a few': { ignore: '*\n!a\n!x/b', files: ['a', 'x/b', 'x/c', 'd'], taken: ['a', 'x', 'x/b'] },
  'I8: a dot ignores nothing': { ignore: '.', files: ['a'], taken: ['a'] },
  'I8: what is in a folder, but not the folder': { ignore: 'x/*', files: ['x/a', 'b'], taken: ['b', 'x'] },
  'I1: the file beside the Dockerfile wins': {
    name: 'Dockerfile.dockerignore',
    ignore: 'a',
    files: ['a', 'b'],
    taken: ['b'],
  },
  '.containerignore stands in for .dockerignore': {
    name: '.containerignore',
    ignore: 'a',
    files: ['a', 'b'],
    taken: ['b'],
  },
}

describe('of a context is taken', () => {
  test.each(Object.entries(ignoring))('%s', async (_, { ignore, files, taken, name = '.dockerignore' }) => {
    const own = ['Dockerfile', name]
    const at = new Project(base, {
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      [name]: `${ignore}\n`,
      ...Object.fromEntries(files.map((path) => [path, path])),
    })
    const found = Object.keys(look(await at.buildFiles())).filter((path) => !own.includes(path))
    expect(found.sort()).toEqual([...taken].sort())
  })
})
