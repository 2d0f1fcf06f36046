/** JSON in one spelling: object keys sorted by code unit, `undefined` members left out, no white space.
 *  Equal values give equal text, so that a hash of it can serve as a key. */
export function canonicalJson(value: unknown): string {
  if (value === undefined) throw new Error('canonicalJson() has no spelling for undefined')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  // Concatenated, not joined: graphs have very many members, and most are small.
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) text += `${text === '' ? '' : ','}${canonicalJson(item)}`
    return `[${text}]`
  }
  const members = value as Readonly<Record<string, unknown>>
  for (const name of Object.keys(members).sort()) {
    const member = members[name]
    if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}
