import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { becomeSubreaper, reapOrphans } from './index.ts'

test('an orphan that came to us is reaped when it has ended, once, and children of our own are not', async () => {
  becomeSubreaper()
  expect(reapOrphans(new Set())).toBe(0)
  const own = spawn('sleep', ['0.2'])
  const ownEnd = once(own, 'exit')
  execFileSync('sh', ['-c', 'setsid sleep 0.1 > /dev/null 2>&1 < /dev/null &'])
  let reaped = 0
  for (let attempt = 0; attempt < 200 && reaped === 0; attempt++) {
    await sleep(10)
    reaped = reapOrphans(new Set())
  }
  expect(reaped).toBe(1)
  expect(await ownEnd).toEqual([0, null])
  expect(reapOrphans(new Set())).toBe(0)
})
