import { BuildError } from '../../core/errors.ts'
import { exitCodes } from './exit-code.ts'
import { main } from './main.ts'
import { renderError } from './render-error.ts'

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second one is from somebody who will not wait. What is left behind is swept away by the next start.
    if (interrupted.signal.aborted) process.exit(130)
    interrupted.abort(new BuildError('CANCELED', `The build was interrupted by ${name}`))
  })
}

// Whoever stops reading how a build goes has not stopped the build.
process.stderr.on('error', () => undefined)
let unwritten: Error | undefined
process.stdout.on('error', (error: Error) => (unwritten ??= error))
process.on('exit', (exitCode) => {
  if (unwritten === undefined || exitCode !== exitCodes.done) return
  const message = `Cannot write to standard output: ${unwritten.message}`
  process.stderr.write(renderError(new BuildError('OUTPUT_FAILED', message)))
  process.exitCode = exitCodes.failed
})

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
  // Once all is written: a process that is left to end by itself takes its whole heap apart first.
  process.stdout.write('', () => process.stderr.write('', () => setImmediate(() => process.exit())))
}

/** Opened when somebody reads, and closed with the command: an open standard input keeps the process alive. */
async function* standardInput(): AsyncGenerator<Uint8Array> {
  isReading = true
  yield* process.stdin as AsyncIterable<Buffer>
}
