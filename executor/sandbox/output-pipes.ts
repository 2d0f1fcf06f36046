import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { openPipe } from '../linux/index.ts'
import type { SandboxIo } from './sandbox.ts'

/** Standard input, output and error of one process. Disposing ends reading, whether or not there is more. */
export interface OutputPipes extends Disposable {
  /** The ends for the process: 0, 1 and 2. Standard input is at its end already. */
  readonly childFds: readonly [number, number, number]
  /** For when the process has its ends: closes our copies, and begins to read. */
  handOver(): void
  /** For when the process and everything it started is gone. Resolves when all they wrote has been passed on. */
  drain(): Promise<void>
}

/** Someone outside may have been handed the writing end through a socket; then there is no end to wait for. */
const strayWriterMs = 300

/** Pipes, rather than the sockets that Node makes: programs open /dev/stdout again, which a socket refuses. */
export function openOutputPipes({ onOutput }: Pick<SandboxIo, 'onOutput'>): OutputPipes {
  const [input, output, error] = [openPipe(), openPipe(), openPipe()]
  closeSync(input.writeFd)
  const childFds = [input.readFd, output.writeFd, error.writeFd] as const
  const readers = [
    readPipe(output.readFd, (chunk) => onOutput('stdout', chunk)),
    readPipe(error.readFd, (chunk) => onOutput('stderr', chunk)),
  ]
  let handedOver = false
  const handOver = (): void => {
    if (handedOver) return
    handedOver = true
    for (const fd of childFds) closeSync(fd)
    for (const reader of readers) reader.start()
  }
  return {
    childFds,
    handOver,
    drain: async () => {
      handOver()
      await Promise.all(readers.map((reader) => reader.drain()))
    },
    [Symbol.dispose]: () => {
      handOver()
      for (const reader of readers) reader.stop()
    },
  }
}

interface PipeReader {
  start(): void
  drain(): Promise<void>
  stop(): void
}

function readPipe(fd: number, onChunk: (chunk: Uint8Array) => void): PipeReader {
  const socket = new Socket({ fd, readable: true, writable: false })
  let chunks = 0
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  socket.on('error', () => socket.destroy())
  return {
    start: () => {
      socket.on('data', (chunk: Buffer) => {
        chunks++
        onChunk(chunk)
      })
    },
    drain: async () => {
      const quiet = setInterval(() => {
        if (chunks === 0) socket.destroy()
        chunks = 0
      }, strayWriterMs)
      await ended
      clearInterval(quiet)
    },
    stop: () => {
      socket.removeAllListeners('data')
      socket.destroy()
    },
  }
}
