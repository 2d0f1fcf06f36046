import { readFileSync } from 'node:fs'

/** The version that package.json gives. Both the bundle and the sources lie one folder below it. */
export const version: string = readVersion()

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
