// Runs a build, and says where its processes and threads spend their time: for each, the functions that are at work the longest themselves. What Node's and
// zlib's own threads do is not in it; time in the kernel is that of the function that called it.
// usage: node test/bench/profile.js ARGUMENTS OF stave…
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'stave-profile-'))
const shownFunctions = 12
const leastMs = 10

try {
  const began = performance.now()
  spawnSync(process.execPath, [join(here, '../../dist/bin.cjs'), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: {
      ...process.env,
      PROFILE_FOLDER: folder,
      NODE_OPTIONS: `--require ${join(here, 'record-profile.cjs')}`,
    },
  })
  console.log(`${Math.round(performance.now() - began)} ms, profiling included\n`)
  for (const [thread, times] of readProfiles()) print(thread, times)
} finally {
  rmSync(folder, { recursive: true })
}

/** By thread: function -> microseconds. */
function readProfiles() {
  const threads = new Map()
  for (const name of readdirSync(folder).sort()) {
    const thread = name.split('.')[0]
    const times = threads.get(thread) ?? new Map()
    threads.set(thread, times)
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
    samples.forEach((id, index) => {
      const called = names.get(id)
      times.set(called, (times.get(called) ?? 0) + timeDeltas[index])
    })
  }
  return threads
}

function nameOf({ functionName, url }) {
  const file = url === '' ? '' : ` (${basename(url)})`
  return `${functionName === '' ? 'top level' : functionName}${file}`
}

function print(thread, times) {
  const busy = [...times].filter(([name]) => name !== '(idle)')
  const total = busy.reduce((sum, [, us]) => sum + us, 0)
  console.log(`${thread}: ${Math.round(total / 1000)} ms at work`)
  for (const [name, us] of busy.sort((a, b) => b[1] - a[1]).slice(0, shownFunctions))
    if (us >= leastMs * 1000) console.log(`  ${String(Math.round(us / 1000)).padStart(6)}  ${name}`)
  console.log()
}
