// Runs main.ts: Node 20 runs no TypeScript.
// usage: npm run bench [-- OPTIONS]
import { rm } from 'node:fs/promises'
import { build } from 'esbuild'

const outfile = 'out/bench/main.js'
await build({
  entryPoints: ['test/bench/main.ts'],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  logLevel: 'warning',
})
try {
  await import(`../../${outfile}`)
} finally {
  await rm('out/bench', { recursive: true, force: true })
}
