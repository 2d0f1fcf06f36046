// Builds a real image from a real Dockerfile, shows it, runs it, and builds it again. Needs what scripts/prepare.sh installs.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const out = join(root, 'out')
const store = join(out, 'store')
const archive = join(out, 'demo.tar')
const application = join(root, 'fixtures/demo/app')

rmSync(out, { recursive: true, force: true })
mkdirSync(out)

const base = prepareBase()
const first = buildApplication()
title('The image')
show(['inspect', 'demo:latest'])
title('What its command prints, run in a sandbox')
runCommand()
const second = buildApplication()
title('Times')
console.log(`first build   ${first.seconds} s`)
console.log(`second build  ${second.seconds} s, everything cached`)
console.log(`image         ${archive}`)
if (second.digest !== first.digest) throw new Error('the second build gave another image')

/** The name of a base image: made here from Debian's busybox-static, or busybox from Docker Hub. */
function prepareBase() {
  const busybox = '/bin/busybox'
  if (!existsSync(busybox) || !isStatic(busybox)) return 'docker.io/library/busybox:latest'
  title('A base image from one static program')
  const context = join(out, 'base')
  cpSync(join(root, 'fixtures/demo/base'), context, { recursive: true })
  cpSync(busybox, join(context, 'busybox'))
  stave(['build', '-t', 'demo-base', context])
  return 'demo-base'
}

function isStatic(program) {
  return spawnSync('ldd', [program]).status !== 0
}

function buildApplication() {
  title('$ stave build -t demo --output type=oci,dest=out/demo.tar --output type=image fixtures/demo/app')
  const began = performance.now()
  const digest = stave([
    'build',
    '-t',
    'demo',
    '--build-arg',
    `BASE=${base}`,
    '-o',
    `type=oci,dest=${archive}`,
    '-o',
    'type=image',
    application,
  ])
  return { digest, seconds: ((performance.now() - began) / 1000).toFixed(2) }
}

/** Runs the image's command as a step of its own. */
function runCommand() {
  const context = join(out, 'run')
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), 'FROM demo\nRUN ["/usr/local/bin/serve"]\n')
  stave(['build', '--no-cache', context])
}

function show([...args]) {
  const { manifest, config } = JSON.parse(
    execFileSync(process.execPath, [join(root, 'dist/bin.cjs'), ...args], { env: environment(), encoding: 'utf8' }),
  )
  console.log('layers')
  for (const { digest, size } of manifest.layers) console.log(`  ${digest}  ${size} bytes`)
  console.log('history')
  for (const { created_by, empty_layer } of config.history)
    console.log(`  ${empty_layer ? ' ' : '*'} ${created_by ?? ''}`.slice(0, 110))
  console.log(`config\n${JSON.stringify(config.config, undefined, 2)}`)
}

function stave(args) {
  return execFileSync(process.execPath, [join(root, 'dist/bin.cjs'), ...args], {
    env: environment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()
}

function environment() {
  return { ...process.env, STAVE_HOME: store }
}

function title(text) {
  console.log(`\n=== ${text}`)
}
