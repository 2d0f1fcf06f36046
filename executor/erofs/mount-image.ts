import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isErrno, mount, mountFlags, unmount } from '../linux/index.ts'
import { ImageLayer } from './image-layer.ts'
import { ImageWriter } from './image-writer.ts'

export interface MountedImage {
  /** Path of the image. */
  readonly image: string
  /** Where its files will be seen; a new directory. */
  readonly target: string
}

/** Shows an image's files, read only. None of them can be opened as a device there.
 *  @returns false where this kernel, or this user, mounts no such files: that takes Linux 6.12, and root of the machine
 *  @see https://docs.kernel.org/filesystems/erofs.html */
export function mountImage({ image, target }: MountedImage): boolean {
  mkdirSync(target)
  try {
    const flags = mountFlags.readOnly | mountFlags.noDev | mountFlags.noSuid
    mount({ source: image, target, type: 'erofs', flags })
    return true
  } catch (error) {
    const notABlockDevice = 'E15' // ENOTBLK, which Node has no name for
    if (!isErrno(error, 'EPERM', 'EACCES', 'ENODEV', 'EINVAL', notABlockDevice)) throw error
    return false
  }
}

/** Tries it.
 *  @param folder where something may lie for the time */
export function canMountImages(folder: string): boolean {
  const [image, target] = [join(folder, 'probe-image'), join(folder, 'probe')]
  {
    using writer = new ImageWriter(image)
    writer.finish(new ImageLayer({ mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n }, 0n).root)
  }
  const canMount = mountImage({ image, target })
  if (canMount) unmount(target)
  rmSync(target, { recursive: true })
  rmSync(image)
  return canMount
}
