import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeTree } from '../support/tree.ts'

/** @throws {Error} if the files are not there, or have other contents */
export function assertFiles(root: string, contents: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(contents)) assert.equal(readFileSync(join(root, path), 'utf8'), content)
}

/** @throws {Error} if two folders do not have the same files, with the same modes and owners */
export function assertSameTree(actual: string, expected: string): void {
  assert.equal(firstDifference(describeTree(actual), describeTree(expected)), undefined)
}

/** @returns undefined if there is none */
export function firstDifference(actual: readonly string[], expected: readonly string[]): string | undefined {
  const inActual = new Set(actual)
  const inExpected = new Set(expected)
  const more = actual.filter((line) => !inExpected.has(line))
  const less = expected.filter((line) => !inActual.has(line))
  if (more.length + less.length === 0) return undefined
  return `${more.length} lines more, ${less.length} less: ${JSON.stringify([more[0], less[0]])}`
}
