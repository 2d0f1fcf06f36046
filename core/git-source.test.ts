import { expect, test } from 'vitest'
import { isGitContext, isGitSource, isHttpSource, parseGitSource, type GitSource } from './git-source.ts'

const commit = '0123456789abcdef0123456789abcdef01234567'

// The forms of https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository and of build contexts.
const forms: Readonly<Record<string, Partial<GitSource>>> = {
  'https://x.org/a.git': { repository: 'https://x.org/a.git', reference: undefined, subdirectory: '' },
  'https://x.org/a.git#v1': { reference: 'v1' },
  'https://x.org/a.git#v1:sub/dir': { reference: 'v1', subdirectory: 'sub/dir' },
  'https://x.org/a.git#:sub': { reference: undefined, subdirectory: 'sub' },
  'https://x.org/a.git#main:../../sub/./x/': { subdirectory: 'sub/x' },
  'git://x.org/a': { repository: 'git://x.org/a' },
  'ssh://git@x.org:22/a/b#main': { repository: 'ssh://git@x.org:22/a/b', reference: 'main' },
  'git@x.org:a/b.git#refs/heads/x': { repository: 'git@x.org:a/b.git', reference: 'refs/heads/x' },
  'me.2@x.org:a': { repository: 'me.2@x.org:a' },
  'https://x.org/a.git?branch=b': { repository: 'https://x.org/a.git', reference: 'refs/heads/b' },
  'https://x.org/a.git?tag=t': { reference: 'refs/tags/t' },
  'https://x.org/a.git?tag=refs/tags/t': { reference: 'refs/tags/t' },
  'https://x.org/a.git?ref=r&subdir=/s/': { reference: 'r', subdirectory: 's' },
  'https://x.org/a.git?ref=r#r': { reference: 'r' },
  [`https://x.org/a.git?commit=${commit}`]: { reference: commit, commit },
  'https://x.org/a.git?branch=b&checksum=ABCDEF0': { reference: 'refs/heads/b', commit: 'abcdef0' },
  [`https://x.org/a.git#${commit}`]: { reference: commit, commit },
  [`https://x.org/a.git?branch=b&commit=${commit}&fetch-by-commit=true`]: { reference: commit, commit },
  'https://x.org/a.git?keep-git-dir=': { keepGitDirectory: true, submodules: true },
  'https://x.org/a.git?keep-git-dir=0&submodules=false&mtime=commit': {
    keepGitDirectory: false,
    submodules: false,
    mtime: 'commit',
  },
}

for (const [text, expected] of Object.entries(forms)) {
  test(`${text} is a git source`, () => {
    expect(isGitSource(text)).toBe(true)
    expect(parseGitSource(text)).toMatchObject(expected)
  })
}

const short = {
  'github.com/owner/repository': { repository: 'https://github.com/owner/repository', reference: undefined },
  'github.com/owner/repository.git#v1:sub': {
    repository: 'https://github.com/owner/repository.git',
    reference: 'v1',
    subdirectory: 'sub',
    shown: 'github.com/owner/repository.git#v1:sub',
  },
  'github.com/owner/repository?branch=b': {
    repository: 'https://github.com/owner/repository',
    reference: 'refs/heads/b',
  },
}

for (const [text, expected] of Object.entries(short)) {
  test(`${text} is a git repository where a context is meant, and a path where ADD takes from`, () => {
    expect([isGitContext(text), isGitSource(text), isHttpSource(text)]).toEqual([true, false, false])
    expect(parseGitSource(text)).toMatchObject(expected)
  })
}

test('no other host has a short form', () => {
  for (const text of ['gitlab.com/a/b', './github.com/a/b', 'github.company/a', 'xgithub.com/a'])
    expect(isGitContext(text)).toBe(false)
})

const others: Readonly<Record<string, 'http' | 'path'>> = {
  'https://x.org/a': 'http',
  'https://x.org/a.git/file': 'http',
  'https://x.org/a.gitx': 'http',
  'https://x.org/?x=a.git': 'http',
  'x@y': 'path',
  'a:b': 'path',
  '-oProxyCommand@x.org:a': 'path',
  '--upload-pack=x@y:z': 'path',
  'ext::sh -c x': 'path',
  'file:///etc': 'path',
  './git@x.org:a': 'path',
}

for (const [text, kind] of Object.entries(others)) {
  test(`${text} is none, but a ${kind}`, () => {
    expect([isGitSource(text), isHttpSource(text)]).toEqual([false, kind === 'http'])
  })
}

const invalid: Readonly<Record<string, string>> = {
  'https://x.org/a.git#--upload-pack=x': 'is no name of a branch',
  'https://x.org/a.git#a..b': 'is no name of a branch',
  'https://x.org/a.git#a b': 'is no name of a branch',
  'https://x.org/a.git#a\nb': 'is no name of a branch',
  'https://x.org/a.git#HEAD~1': 'is no name of a branch',
  'https://x.org/a.git#HEAD@{1}': 'is no name of a branch',
  'ssh://-oProxyCommand=x/a': 'no',
  'git://x.org/a\tb': 'control characters',
  'ssh://git:pw@x.org/a': 'a password is of no use',
  'https://x.org/a.git?branch=a&tag=b': '"branch" says',
  'https://x.org/a.git?ref=a#b': 'says',
  'https://x.org/a.git?ref=a&ref=b': 'given twice',
  'https://x.org/a.git?ref=': 'has no value',
  'https://x.org/a.git?what=1': 'does not know "what"',
  'https://x.org/a.git?constructor=1': 'does not know "constructor"',
  'https://x.org/a.git?commit=xyz': 'is no commit',
  'https://x.org/a.git?submodules=perhaps': 'true or false',
  'https://x.org/a.git?mtime=never': 'checkout or commit',
  'https://x.org/a.git?branch=b&fetch-by-commit=1': 'needs a commit in full',
}

for (const [text, why] of Object.entries(invalid)) {
  test(`${JSON.stringify(text)} is refused: ${why}`, () => {
    expect(() => parseGitSource(text)).toThrow(
      expect.objectContaining({ code: 'SOURCE_INVALID', message: expect.stringContaining(why) as string }),
    )
  })
}

test('credentials are in no message', () => {
  const text = 'https://user:s3cret@x.org/a.git?what=1'
  expect(() => parseGitSource(text)).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('s3cret') as string }),
  )
  expect(parseGitSource('https://tok3n@x.org/a.git').shown).toBe('https://xxxxx@x.org/a.git')
})
