import { expect, test } from 'vitest'
import { BuildError } from './errors.ts'
import { formatReference, parseReference } from './reference.ts'

const digest = `sha256:${'ab'.repeat(32)}`

test.each([
  ['busybox', 'docker.io/library/busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36'],
  ['owner/name', 'docker.io/owner/name:latest'],
  ['a/b/c', 'docker.io/a/b/c:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['index.docker.io/owner/name', 'docker.io/owner/name:latest'],
  ['ghcr.io/owner/name:v1', 'ghcr.io/owner/name:v1'],
  ['localhost/name', 'localhost/name:latest'],
  ['localhost:5000/name:1', 'localhost:5000/name:1'],
  ['Host/name', 'Host/name:latest'],
  ['[::1]:5000/name', '[::1]:5000/name:latest'],
  ['0', 'docker.io/library/0:latest'],
  ['a__b/c--d.e_f', 'docker.io/a__b/c--d.e_f:latest'],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
  [`localhost:5000/x:2@${digest}`, `localhost:5000/x:2@${digest}`],
])('parseReference() takes %s to mean %s', (text, meaning) => {
  const reference = parseReference(text)
  expect(formatReference(reference)).toBe(meaning)
  expect(formatReference(parseReference(meaning))).toBe(meaning)
})

test.each([
  ['', 'names no repository'],
  ['Busybox', 'must be lower case'],
  ['owner/Name', 'must be lower case'],
  ['a//b', 'no repository name'],
  ['-a', 'no repository name'],
  ['a.', 'no repository name'],
  ['busybox:', 'no tag'],
  ['busybox:a b', 'no tag'],
  ['busybox@sha256:12', 'no digest'],
  ['bad_host.io:1/a', 'no host name'],
  ['ab'.repeat(32), 'image id'],
  [`ghcr.io/${'a'.repeat(256)}`, 'at most 255'],
])('parseReference() refuses %j', (text, why) => {
  expect(() => parseReference(text)).toThrow(BuildError)
  expect(() => parseReference(text)).toThrow(why)
})

test('a reference without tag and digest keeps both undefined', () => {
  expect(parseReference('busybox')).toEqual({
    registry: 'docker.io',
    repository: 'library/busybox',
    tag: undefined,
    digest: undefined,
  })
})
