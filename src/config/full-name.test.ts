import { expect, test } from 'vitest'
import { fullName } from './full-name.ts'

const names: Readonly<Record<string, string>> = {
  app: 'docker.io/library/app:latest',
  'owner/app:1': 'docker.io/owner/app:1',
  'localhost/app': 'localhost/app:latest',
  'localhost:5000/app': 'localhost:5000/app:latest',
  'ghcr.io/a/b/c:v1.2': 'ghcr.io/a/b/c:v1.2',
}

for (const [text, expected] of Object.entries(names)) {
  test(`${text} is ${expected}`, () => {
    expect(fullName(text)).toBe(expected)
  })
}

test('a digest cannot be given: it is what the build finds', () => {
  expect(() => fullName(`app@sha256:${'0'.repeat(64)}`)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})
