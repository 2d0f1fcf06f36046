import { closeSync, openSync } from 'node:fs'
import { checked, libcFunction } from './libc.ts'

const ioctl = libcFunction<[number, number, Int32Array]>('int ioctl(int fd, unsigned long request, int *flags)')
const [getFlagsRequest, setFlagsRequest] = [0x80086601, 0x40086602]
/** `FS_TOPDIR_FL` */
const topDirectory = 0x0002_0000

/** Asks the file system to lay new folders of this one far apart from each other on the disk. ext4 does not use inodes again that were freed in the last minutes,
 *  and passes them one by one whenever it makes a file near them: where a large tree was just removed, the next one takes ten times as long to write.
 *  For the owner of the folder; a request that stays with it.
 *  @throws {LinuxError} `EOPNOTSUPP`, `ENOTTY` where there is no such thing
 *  @see https://man7.org/linux/man-pages/man2/ioctl_iflags.2.html */
export function scatterFolders(folder: string): void {
  const file = openSync(folder, 'r')
  try {
    const flags = new Int32Array(1)
    checked(ioctl(file, getFlagsRequest, flags), 'ioctl FS_IOC_GETFLAGS', folder)
    const [present = 0] = flags
    if ((present & topDirectory) !== 0) return
    flags[0] = present | topDirectory
    checked(ioctl(file, setFlagsRequest, flags), 'ioctl FS_IOC_SETFLAGS', folder)
  } finally {
    closeSync(file)
  }
}
