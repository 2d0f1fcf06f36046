import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { readFileOrPipe } from './read-file-or-pipe.ts'

function makePipe(): string {
  const pipe = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [pipe])
  return pipe
}

test('what somebody writes into a pipe is read', async () => {
  const pipe = makePipe()
  const reading = text(readFileOrPipe(pipe, new AbortController().signal))
  spawn('sh', ['-c', 'printf "FROM scratch" > "$0"', pipe])
  expect(await reading).toBe('FROM scratch')
})

test('who waits at a pipe that nobody writes to stops with the signal', async () => {
  const stop = new AbortController()
  const reading = text(readFileOrPipe(makePipe(), stop.signal))
  setTimeout(() => stop.abort(new Error('stopped')), 100)
  await expect(reading).rejects.toThrow('stopped')
})

test('who waits for more from a pipe stops with the signal', async () => {
  const [pipe, stop] = [makePipe(), new AbortController()]
  const writer = spawn('sh', ['-c', 'exec > "$0"; echo first; exec sleep 60', pipe])
  onTestFinished(async () => {
    const end = once(writer, 'exit')
    writer.kill()
    await end
  })
  const bytes = readFileOrPipe(pipe, stop.signal)[Symbol.asyncIterator]()
  expect(String((await bytes.next()).value)).toBe('first\n')
  setTimeout(() => stop.abort(new Error('stopped')), 100)
  await expect(bytes.next()).rejects.toThrow('stopped')
})

test('a file stays as it is', async () => {
  const [file, stop] = [join(temporaryFolder(), 'file'), new AbortController()]
  writeFileSync(file, 'text')
  const bytes = readFileOrPipe(file, stop.signal)[Symbol.asyncIterator]()
  await bytes.next()
  stop.abort()
  await bytes.return?.()
  expect(readFileSync(file, 'utf8')).toBe('text')
})
