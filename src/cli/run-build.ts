import { writeFile } from 'node:fs/promises'
import { BuildError } from '../../core/errors.ts'
import { startBuild, type BuiltImage } from '../build.ts'
import { goesToStdout, resolveOutputs } from '../config/outputs.ts'
import { writeWhole } from '../output/write-whole.ts'
import { FailureLog } from '../progress/failure-log.ts'
import { openProgress } from '../progress/open-progress.ts'
import { exitCodeOf } from './exit-code.ts'
import type { BuildInvocation } from './invocation.ts'
import { renderError } from './render-error.ts'
import type { Terminal } from './terminal.ts'

/** Builds, shows how it goes on stderr, and prints the image's digest on stdout.
 *  @throws {BuildError} for options that make no sense */
export async function runBuild(invocation: BuildInvocation, terminal: Terminal): Promise<number> {
  const { request, progress } = invocation
  const printsArchive = resolveOutputs(request.outputs ?? [], ['unnamed']).some(goesToStdout)
  const job = startBuild(request, {
    signal: terminal.signal,
    stdin: terminal.stdin,
    stdout: terminal.stdout,
    env: terminal.env,
  })
  const show = openProgress(progress)
  const failures = new FailureLog()
  for await (const event of job.events) {
    failures.note(event)
    const text = show(event)
    if (text !== '') terminal.stderr.write(text)
  }
  try {
    const image = await job.result
    await writeRecords(invocation, image)
    if (!printsArchive && image.image !== undefined) terminal.stdout.write(`${image.image.descriptor.digest}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    terminal.stderr.write(`\n${progress === 'rawjson' ? '' : failures.render()}${renderError(error, job.findText)}`)
    return exitCodeOf(error)
  }
}

async function writeRecords({ iidFile, metadataFile }: BuildInvocation, { image, names }: BuiltImage): Promise<void> {
  if (iidFile !== undefined && image !== undefined)
    await writeWhole(iidFile, (path) => writeFile(path, image.configDigest ?? image.descriptor.digest))
  if (metadataFile === undefined) return
  const metadata = {
    ...(image && {
      ...(image.configDigest && { 'containerimage.config.digest': image.configDigest }),
      'containerimage.descriptor': image.descriptor,
      'containerimage.digest': image.descriptor.digest,
    }),
    ...(names.length === 0 ? {} : { 'image.name': names.join(',') }),
  }
  await writeWhole(metadataFile, (path) => writeFile(path, `${JSON.stringify(metadata, undefined, 2)}\n`))
}
