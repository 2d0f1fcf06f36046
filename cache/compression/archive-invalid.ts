import { BuildError } from '../../core/errors.ts'

export function archiveInvalid(why: string, cause?: unknown): BuildError {
  return new BuildError('ARCHIVE_INVALID', `Cannot decompress: ${why === '' ? 'the data is damaged' : why}`, { cause })
}
