import { build } from 'esbuild'
import { chmod, rm } from 'node:fs/promises'

// One file for each way in, and shared parts beside them: a command loads what it uses, and nothing else.
const entries = {
  bin: 'src/cli/bin.ts',
  index: 'src/index.ts',
  executor: 'executor/process/main.ts',
}

await rm('dist', { recursive: true, force: true })
// Each is bundled by itself: code that two of them share is cheaper twice on disk than in one more file to find and load.
await Promise.all(
  Object.entries(entries).map(([name, path]) =>
    build({
      entryPoints: { [name]: path },
      outdir: 'dist',
      chunkNames: `${name}-[name]-[hash]`,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external: ['koffi', 'undici'],
      sourcemap: 'linked',
      sourcesContent: false,
      minifySyntax: true,
      minifyWhitespace: true,
      banner: {
        js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
      },
      logLevel: 'warning',
    }),
  ),
)
await chmod('dist/bin.js', 0o755)
