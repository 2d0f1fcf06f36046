/** JSON as Go's encoder writes it, so that equal images have equal digests whoever builds them: `<`, `>`, `&` and the two line separators are
 *  escaped, and members without a value are left out.
 *  @see https://pkg.go.dev/encoding/json#Marshal */
export function goJson(value: unknown, indent: '' | '  ' = ''): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** What Go's `omitempty` does: absent, zero, empty texts, lists and maps all become `undefined`. */
export function unlessEmpty<T>(value: T | undefined): T | undefined {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value
  if (typeof value === 'object' && Object.keys(value).length === 0) return undefined
  return value
}

/** A copy whose members stand in the order of their names, as Go writes maps. */
export function sortedMap<T>(map: Readonly<Record<string, T>> | undefined): Readonly<Record<string, T>> | undefined {
  if (map === undefined || Object.keys(map).length === 0) return undefined
  const names = Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return Object.fromEntries(names.map((name) => [name, map[name] as T]))
}

/** RFC 3339 in UTC, without zeros that say nothing: `2024-01-01T00:00:00Z`. */
export function goTime(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, 'Z')
}
