import { expect, test } from 'vitest'
import { parseCsvPairs } from './parse-csv.ts'
import { parseOutput } from './parse-output.ts'

test('fields are pairs in their order, a value may have "=" in it', () => {
  expect(parseCsvPairs('a=1,b,c=x=y,d=')).toEqual([
    ['a', '1'],
    ['b', undefined],
    ['c', 'x=y'],
    ['d', ''],
  ])
})

test('quotes keep commas and quotes, as in RFC 4180', () => {
  expect(parseCsvPairs('"a=x,y","b=say ""hi""",c=1')).toEqual([
    ['a', 'x,y'],
    ['b', 'say "hi"'],
    ['c', '1'],
  ])
})

test('a quote that does not end is refused', () => {
  expect(() => parseCsvPairs('a="x')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})

const outputs: Readonly<Record<string, object>> = {
  'type=oci,dest=app.tar': { type: 'oci', dest: 'app.tar' },
  'dest=app.tar,type=oci': { type: 'oci', dest: 'app.tar' },
  'type=image,"name=a:1,b:2",push=true': { type: 'image', name: ['a:1', 'b:2'], push: true },
  'type=oci,dest=d,tar=false': { type: 'oci', dest: 'd', tar: false },
  'type=image,push': { type: 'image', push: true },
  'type=oci,dest=a,compression=zstd,compression-level=19': {
    type: 'oci',
    dest: 'a',
    compression: 'zstd',
    compressionLevel: 19,
  },
  'type=registry,force-compression=true': { type: 'registry', forceCompression: true },
  '-': { type: 'tar', dest: '-' },
  out: { type: 'local', dest: 'out' },
}

for (const [text, expected] of Object.entries(outputs)) {
  test(`--output ${text} is read as buildx reads it`, () => {
    expect(parseOutput(text)).toEqual(expected)
  })
}

for (const text of [
  'dest=a',
  'type=oci,unknown=1',
  'type=image,push=maybe',
  'a,b',
  'type=oci,compression-level=high',
  'type=oci,force-compression=so',
]) {
  test(`--output ${text} is refused`, () => {
    expect(() => parseOutput(text)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
}
