import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { writeFiles, type Files } from './stave.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A repository with a work tree, for one test. */
export class GitRepository {
  /** Absolute path of the work tree. */
  readonly path: string

  constructor(path = join(temporaryFolder(), 'repository.git')) {
    this.path = path
    execFileSync('git', ['init', '--quiet', '--initial-branch=main', this.path])
    for (const [name, value] of [
      ['uploadpack.allowFilter', 'true'],
      ['http.receivepack', 'false'],
    ] as const) {
      this.git('config', name, value)
    }
  }

  git(...args: readonly string[]): string {
    const identity = [
      '-c',
      'user.name=tester',
      '-c',
      'user.email=tester@example.com',
      '-c',
      'protocol.file.allow=always',
    ]
    return execFileSync('git', ['-C', this.path, ...identity, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    }).trim()
  }

  /** Writes files and commits all that is there.
   *  @returns the commit */
  commit(files: Files, message = 'change'): string {
    writeFiles(this.path, files)
    this.git('add', '--all')
    this.git('commit', '--quiet', '--allow-empty', '--message', message)
    return this.git('rev-parse', 'HEAD')
  }
}
