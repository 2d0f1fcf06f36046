import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'

/** Runtimes fill these without a second look: through a link of a hostile image, some of them write into the machine.
 *  @throws {BuildError} `IMAGE_INVALID` */
export function checkRoot(root: string): void {
  for (const name of ['proc', 'sys', 'dev']) {
    const isDirectory = lstatSync(join(root, name), { throwIfNoEntry: false })?.isDirectory() ?? false
    if (isDirectory) continue
    throw new BuildError('IMAGE_INVALID', `Cannot run a command in this image: its /${name} is no directory`, {
      hint: 'A link in its place could lead out of the image.',
    })
  }
}
