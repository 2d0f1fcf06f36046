import { BuildError } from '../../core/errors.ts'
import { main } from './main.ts'

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second one is from somebody who will not wait. What is left behind is swept away by the next start.
    if (interrupted.signal.aborted) process.exit(130)
    interrupted.abort(new BuildError('CANCELED', `The build was interrupted by ${name}`))
  })
}

let isReading = false
main(process.argv.slice(2), {
  stdin: standardInput(),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  architecture: process.arch,
  uid: process.getuid?.() ?? 0,
  signal: interrupted.signal,
}).then(leave, (error: unknown) => {
  process.stderr.write(
    `stave: this is a bug in stave, please report it: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`,
  )
  leave(1)
})

function leave(exitCode: number): void {
  process.exitCode = exitCode
  if (isReading) process.stdin.destroy()
}

/** Opened when somebody reads, and closed with the command: an open standard input keeps the process alive. */
async function* standardInput(): AsyncGenerator<Uint8Array> {
  isReading = true
  yield* process.stdin as AsyncIterable<Buffer>
}
