import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const common = {
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['koffi', 'undici'],
  sourcemap: 'linked',
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
}

/** Packages with files of their own, by what the programs import. */
const apart = { yaml: 'yaml' }

await rm('dist', { recursive: true, force: true })
await Promise.all([
  bundleProgram('bin', 'src/cli/bin.ts'),
  bundleProgram('executor', 'executor/process/main.ts'),
  ...Object.entries(apart).map(([specifier, name]) => bundleApart(specifier, name)),
  bundleLibrary(),
])
await chmod('dist/bin.cjs', 0o755)
await recordCompiled()

/** A file that starts fast, whatever of it is used: functions that nobody calls are not compiled. Large packages that few builds need are not even read. */
async function bundleProgram(name, entry) {
  await build({
    ...common,
    entryPoints: { [`${name}.code`]: entry },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    supported: { 'dynamic-import': false }, // which would need the loader for modules
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [{ name: 'apart', setup: leaveApart }],
  })
  await copyFile('scripts/program.cjs', `dist/${name}.cjs`)
}

function leaveApart(bundling) {
  for (const [specifier, file] of Object.entries(apart)) {
    const filter = new RegExp(`^${specifier}$`)
    bundling.onResolve({ filter }, () => ({ path: `./${file}.cjs`, external: true }))
  }
}

async function bundleApart(specifier, name) {
  await build({ ...common, entryPoints: { [name]: specifier }, outExtension: { '.js': '.cjs' }, format: 'cjs' })
}

async function bundleLibrary() {
  await build({
    ...common,
    entryPoints: { index: 'src/index.ts' },
    chunkNames: 'index-[name]-[hash]',
    splitting: true,
    format: 'esm',
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  })
}

/** Builds something, so that there is something compiled to begin with: what carries steps out, then, beside that, what pushes. Where a build cannot be, the programs start
 *  from their text. */
async function recordCompiled() {
  const folder = await mkdtemp(join(tmpdir(), 'stave-bundle-'))
  const registry = createServer(takePush).listen(0, '127.0.0.1')
  try {
    await once(registry, 'listening')
    const steps = 'FROM scratch AS a\nCOPY Dockerfile /d/\nWORKDIR /w\nFROM a\nENV A=1\nRUN true\nLABEL x=$A\n'
    // There is no `true` in there: the step fails once everything that a step needs has been used.
    await recordBuild(folder, steps).catch(() => undefined)
    const name = `127.0.0.1:${registry.address().port}/a`
    await recordBuild(folder, 'FROM scratch\nCOPY Dockerfile /d/\n', '--tag', name, '--push')
  } catch {
    // as said above
  } finally {
    registry.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function recordBuild(folder, dockerfile, ...args) {
  await writeFile(join(folder, 'Dockerfile'), dockerfile)
  const env = { ...process.env, NODE_OPTIONS: `--require ${JSON.stringify(resolve('scripts/record-compiled.cjs'))}` }
  const build = ['dist/bin.cjs', 'build', '--progress=plain', '--root', join(folder, 'store'), ...args, folder]
  await promisify(execFile)(process.execPath, build, { env })
}

/** Answers like a registry that has nothing, and takes everything. */
function takePush(request, response) {
  const statuses = { HEAD: 404, POST: 202, PUT: 201 }
  request.resume().once('end', () => response.writeHead(statuses[request.method], { location: '/upload' }).end())
}
