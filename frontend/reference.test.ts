import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

// docs/dockerfile.md lists the rules of the language and what shows them. A folder that is added gets a mention there.
const repository = fileURLToPath(new URL('..', import.meta.url))
const folders = readdirSync(join(repository, 'fixtures/dockerfiles'))
const rules = readRules(readFileSync(join(repository, 'docs/dockerfile.md'), 'utf8'))

interface Rule {
  readonly id: string
  readonly folders: readonly string[]
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}

function readRules(page: string): readonly Rule[] {
  const rows = page.matchAll(/^- \*\*(\w+)\*\*: (.+)\n {2}Shown by (.+)$/gm)
  return [...rows].map(([, id = '', , shown = '']) => {
    const tests = [...shown.matchAll(/`([^`]+)` “([^”]+)”/g)]
    const names = [...shown.replace(/`[^`]+` “[^”]+”/g, '').matchAll(/`([^`]+)`/g)]
    return {
      id,
      folders: names.map(([, name = '']) => name),
      tests: tests.map(([, file = '', title = '']) => ({ file, title })),
    }
  })
}

test('rules have names of their own, without gaps where they are numbered', () => {
  const ids = rules.map(({ id }) => id)
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  const numbered = new Map<string, number>()
  for (const id of ids) {
    const [, letters = '', number] = /^([A-Z]+)(\d+)$/.exec(id) ?? []
    if (number === undefined) continue
    expect(id).toBe(`${letters}${(numbered.get(letters) ?? 0) + 1}`)
    numbered.set(letters, Number(number))
  }
})

describe('each rule is shown', () => {
  test.each(rules)('$id', ({ folders: shown, tests }) => {
    expect(shown.length + tests.length).toBeGreaterThan(0)
    expect(shown.filter((name) => !folders.includes(name))).toEqual([])
    for (const { file, title } of tests) expect(readFileSync(join(repository, file), 'utf8')).toContain(title)
  })
})

test('each folder of fixtures/dockerfiles shows a rule, and there are many', () => {
  const shown = new Set(rules.flatMap(({ folders: names }) => names))
  expect(folders.filter((name) => !shown.has(name))).toEqual([])
  expect(folders.length).toBeGreaterThanOrEqual(300)
})
