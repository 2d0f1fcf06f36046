import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { systemCode } from '../../cache/disk/index.ts'
import { BuildError } from '../../core/errors.ts'

/** A link is not followed, and a pipe that nobody writes to is not waited for. */
const readAsIs = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Opens what a tree has shown as a file. Whoever may write to a context may put a link to another's secret there meanwhile, or a pipe that never ends: what is
 *  no longer a file is not read. The caller closes the descriptor.
 *  @throws {BuildError} `CONTEXT_INVALID`, and what open(2) throws for a file that is gone or not to be read */
export function openFile(hostPath: string): number {
  const file = openAsIs(hostPath)
  try {
    if (fstatSync(file).isFile()) return file
  } catch (error) {
    closeSync(file)
    throw error
  }
  closeSync(file)
  throw isNoFile(hostPath)
}

function openAsIs(hostPath: string): number {
  try {
    return openSync(hostPath, readAsIs)
  } catch (error) {
    const code = systemCode(error) // of a link, and of a socket
    throw code === 'ELOOP' || code === 'ENXIO' ? isNoFile(hostPath, error) : error
  }
}

function isNoFile(hostPath: string, cause?: unknown): BuildError {
  return new BuildError('CONTEXT_INVALID', `Cannot read ${hostPath}: it was a file, and has been replaced meanwhile`, {
    hint: 'Something was writing to the context: build again when it stands still, or leave that out in .dockerignore.',
    cause,
  })
}
