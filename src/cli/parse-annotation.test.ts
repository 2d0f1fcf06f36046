import { expect, test } from 'vitest'
import { parseAnnotation } from './parse-annotation.ts'

for (const [text, expected] of Object.entries({
  'a.b=c': [{ key: 'a.b', value: 'c' }],
  'a=': [{ key: 'a', value: '' }],
  'a=b=c:d': [{ key: 'a', value: 'b=c:d' }],
  'urn:a=b': [{ key: 'urn:a', value: 'b' }],
  'index:a=b': [{ key: 'a', value: 'b', place: 'index' }],
  'index,manifest:a=b': [
    { key: 'a', value: 'b', place: 'index' },
    { key: 'a', value: 'b', place: 'manifest' },
  ],
  'manifest[linux/arm64],index-descriptor:a=b': [
    { key: 'a', value: 'b', place: 'manifest', platform: 'linux/arm64' },
    { key: 'a', value: 'b', place: 'index-descriptor' },
  ],
})) {
  test(`${text} is read as docker buildx does`, () => {
    expect(parseAnnotation(text)).toEqual(expected)
  })
}

test.each(['a', '=b', 'index:a', ''])('%j is refused', (text) => {
  expect(() => parseAnnotation(text)).toThrow('it must be KEY=VALUE')
})
