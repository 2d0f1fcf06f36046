import { checked, libcFunction } from './libc.ts'

const socket = libcFunction<[number, number, number]>('int socket(int domain, int type, int protocol)')
const ioctl = libcFunction<[number, number, Uint8Array]>('int ioctl(int fd, unsigned long request, void *argument)')
const close = libcFunction<[number]>('int close(int fd)')

/** Brings up `lo` in this network namespace; that gives it 127.0.0.1 and ::1.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man7/netdevice.7.html (SIOCSIFFLAGS) */
export function bringLoopbackUp(): void {
  const [internet, datagram, closeOnExec] = [2, 2, 0o2000000]
  const [setFlags, up, running] = [0x8914, 0x1, 0x40]
  const fd = checked(socket(internet, datagram | closeOnExec, 0), 'socket')
  try {
    // struct ifreq: 16 bytes of name, then the flags.
    const request = Buffer.alloc(40)
    request.write('lo')
    request.writeUInt16LE(up | running, 16)
    checked(ioctl(fd, setFlags, request), 'ioctl SIOCSIFFLAGS', 'lo')
  } finally {
    close(fd)
  }
}
