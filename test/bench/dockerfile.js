// Times the Dockerfile language alone: a file of 2,000 instructions, read and carried over into a graph, the first time in a process and again;
// and `stave build --check` of a small file beside the floor, starting Node and doing nothing.
// usage: npm run bench:dockerfile [-- ROUNDS]
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.argv[2] ?? 9)
const dist = join(dirname(fileURLToPath(import.meta.url)), '../../dist')
const folder = mkdtempSync(join(tmpdir(), 'stave-bench-'))

/** What real files are made of, over and over: 2,000 instructions with FROM. */
const pattern = (index) => [
  `ENV V${index}="value ${index}" PREVIOUS=\${V${index - 1}:-none}`,
  `RUN set -eux; \\\n    apt-get install -y package-${index}; \\\n    rm -rf /var/lib/apt/lists/*`,
  `COPY --chown=app:app ["src/${index}", "dest ${index}/"]`,
  `LABEL step.${index}="\${V${index}:-none}"`,
]
const large = [
  'FROM scratch',
  'ENV V0=zero',
  'ARG A=1',
  ...Array.from({ length: 500 }, (_, index) => pattern(index + 1)).flat(),
]
const inProcess = `
  import { checkDockerfile } from ${JSON.stringify(join(dist, 'index.js'))}
  const times = []
  for (let round = 0; round < 3; round++) {
    const began = performance.now()
    const { errors } = await checkDockerfile({ context: process.argv[1] })
    times.push(performance.now() - began)
    if (errors.length > 0) throw errors[0]
  }
  console.log(JSON.stringify(times))`

try {
  const [largeContext, smallContext] = [context('large', large.slice(0, 2000)), context('small', small())]
  const cold = []
  const warm = []
  const floor = []
  const check = []
  for (let round = 0; round <= rounds; round++) {
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', inProcess, largeContext], {
      encoding: 'utf8',
    })
    const [first, , third] = JSON.parse(output)
    const times = [time(['-e', '0']), time([command(), 'build', '--check', smallContext])]
    if (round === 0) continue // the first round warms the caches of the machine
    cold.push(first)
    warm.push(third)
    floor.push(times[0])
    check.push(times[1])
  }
  console.log('| what | median |\n| --- | --- |')
  console.log(`| 2,000 instructions, the first time in a process | ${median(cold).toFixed(0)} ms |`)
  console.log(`| the same, the third time | ${median(warm).toFixed(0)} ms |`)
  console.log(
    `| \`stave build --check\` of ten instructions | ${median(check).toFixed(0)} ms, ${(median(check) / median(floor)).toFixed(2)} of \`node -e 0\` |`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function small() {
  return ['FROM scratch AS a', ...large.slice(1, 9), 'CMD ["x"]']
}

function context(name, lines) {
  const path = join(folder, name)
  mkdirSync(path)
  writeFileSync(join(path, 'Dockerfile'), `${lines.join('\n')}\n`)
  return path
}

/** The command as it is shipped. */
function command() {
  return join(dist, 'bin.cjs')
}

function time(args) {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with status ${status}: ${stderr}`)
  return performance.now() - began
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
