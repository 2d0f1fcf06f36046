import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A fresh folder that is gone once the running test has finished. Call it inside a test. */
export function temporaryFolder(): string {
  const path = makeFolder()
  onTestFinished(() => removeFolder(path))
  return path
}

/** A fresh folder for a whole suite: dispose of it in `afterAll`. */
export function openTemporaryFolder(): Disposable & { readonly path: string } {
  const path = makeFolder()
  return { path, [Symbol.dispose]: () => removeFolder(path) }
}

function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'stave-test-'))
}

function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true })
}
