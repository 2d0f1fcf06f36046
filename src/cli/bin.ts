#!/usr/bin/env node
import { BuildError } from '../../core/errors.ts'
import { main } from './main.ts'

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    interrupted.abort(new BuildError('CANCELED', `The build was interrupted by ${name}`))
  })
}

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  architecture: process.arch,
  uid: process.getuid?.() ?? 0,
  signal: interrupted.signal,
})
