// Times what a build costs that is stave's own work, beside the floor: starting Node and doing nothing. Ratios count, since machines differ.
// usage: npm run bench [-- ROUNDS]
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.argv[2] ?? 9)
const stave = join(dirname(fileURLToPath(import.meta.url)), '../../dist/bin.cjs')
const folder = mkdtempSync(join(tmpdir(), 'stave-bench-'))
const env = { ...process.env, STAVE_HOME: join(folder, 'store') }

try {
  const workloads = prepare()
  const times = new Map(workloads.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const { name, args } of workloads) {
      const took = time(args)
      if (round > 0) times.get(name).push(took) // the first round warms the caches of the machine
    }
  }
  report(times)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Workloads, each with what to run; the builds have been run once, so that what may be cached is. */
function prepare() {
  const base = context('base', ['FROM scratch', 'COPY busybox /bin/sh'])
  copyFileSync('/bin/busybox', join(base, 'busybox'))
  build(['-t', 'bench-base', base])
  const tenSteps = context('noop', [
    'FROM bench-base',
    'WORKDIR /app',
    'COPY a .',
    'RUN echo 1 > /1',
    'ENV X=y',
    'COPY b .',
    'RUN echo 2 > /2',
    'LABEL l=m',
    'RUN echo 3 > /3',
    'CMD ["sh"]',
  ])
  for (const name of ['a', 'b']) writeFileSync(join(tenSteps, name), name)
  const tenRuns = context('run10', [
    'FROM bench-base',
    ...Array.from({ length: 10 }, (_, index) => `RUN echo ${index} > /f${index}`),
  ])
  build([tenSteps])
  build([tenRuns])
  return [
    { name: 'node -e 0', args: ['-e', '0'] },
    { name: 'noop: ten steps, all cached', args: [stave, 'build', '-q', tenSteps] },
    { name: 'run10: ten RUNs on a cached base, --no-cache', args: [stave, 'build', '-q', '--no-cache', tenRuns] },
  ]
}

function context(name, lines) {
  const path = join(folder, name)
  mkdirSync(path)
  writeFileSync(join(path, 'Dockerfile'), `${lines.join('\n')}\n`)
  return path
}

function build(args) {
  execFileSync(process.execPath, [stave, 'build', '-q', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
}

function time(args) {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with status ${status}: ${stderr}`)
  return performance.now() - began
}

function report(times) {
  const floor = median([...times.values()][0])
  console.log('| workload | median | of `node -e 0` |\n| --- | --- | --- |')
  for (const [name, all] of times)
    console.log(`| ${name} | ${median(all).toFixed(0)} ms | ${(median(all) / floor).toFixed(2)} |`)
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
