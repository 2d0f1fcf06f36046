/** JSON in one spelling: object keys sorted by code unit, `undefined` members left out, no white space.
 *  Equal values give equal text, so that a hash of it can serve as a key. */
export function canonicalJson(value: unknown): string {
  if (value === undefined) throw new Error('canonicalJson() has no spelling for undefined')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}
