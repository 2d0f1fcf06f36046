import { expect, test } from 'vitest'
import { redactCredentials, splitCredentials } from './url-credentials.ts'

const texts: Readonly<Record<string, string>> = {
  'https://u:p@x/y': 'https://xxxxx:xxxxx@x/y',
  'HTTP://token@x/': 'HTTP://xxxxx@x/',
  'https://u:p@ss@x/y': 'https://xxxxx:xxxxx@x/y',
  'a https://u:p@x/ b git://v:q@y/ c': 'a https://xxxxx:xxxxx@x/ b git://xxxxx:xxxxx@y/ c',
  'ssh://git@x/y': 'ssh://git@x/y',
  'https://x/y@z:w': 'https://x/y@z:w',
  'https://x/?a=b@c': 'https://x/?a=b@c',
}

for (const [text, shown] of Object.entries(texts)) {
  test(`${text} is shown as ${shown}`, () => {
    expect(redactCredentials(text)).toBe(shown)
  })
}

test('credentials are decoded, and the URL is left without them', () => {
  const { url, credentials } = splitCredentials(new URL('https://a%40b:c%3Ad%@x/y?z'))
  expect([url.href, credentials]).toEqual(['https://x/y?z', { user: 'a@b', password: 'c%3Ad%' }])
})
