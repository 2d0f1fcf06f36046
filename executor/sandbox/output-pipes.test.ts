import { closeSync, openSync, writeSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openOutputPipes } from './output-pipes.ts'

test('drain() passes everything on, of both streams', async () => {
  const seen = { stdout: 0, stderr: 0 }
  using pipes = openOutputPipes({ onOutput: (stream, chunk) => (seen[stream] += chunk.length) })
  const [, output, error] = pipes.childFds
  writeSync(output, Buffer.alloc(60_000))
  writeSync(error, Buffer.alloc(5))
  pipes.handOver()
  await pipes.drain()
  expect(seen).toEqual({ stdout: 60_000, stderr: 5 })
})

test('drain() does not wait for someone outside who was handed the writing end', async () => {
  const chunks: string[] = []
  using pipes = openOutputPipes({ onOutput: (_, chunk) => chunks.push(Buffer.from(chunk).toString()) })
  const kept = openSync(`/proc/self/fd/${String(pipes.childFds[1])}`, 'w')
  writeSync(kept, 'last words')
  await pipes.drain()
  closeSync(kept)
  expect(chunks).toEqual(['last words'])
})

test('nothing is passed on once the pipes are disposed of', async () => {
  const chunks: unknown[] = []
  const pipes = openOutputPipes({ onOutput: (_, chunk) => chunks.push(chunk) })
  writeSync(pipes.childFds[1], 'unheard')
  pipes.handOver()
  pipes[Symbol.dispose]()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(chunks).toEqual([])
})
