/** How a registry wants to be asked. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer'
      readonly realm: string
      readonly service: string | undefined
      readonly scope: string | undefined
      readonly error: string | undefined
    }

/** Reads `WWW-Authenticate`. Schemes that we do not speak are left out.
 *  @see https://www.rfc-editor.org/rfc/rfc9110#field.www-authenticate
 *  @see https://distribution.github.io/distribution/spec/auth/token/ */
export function readChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = []
  for (const { scheme, parameters } of splitChallenges(header.slice(0, 8192))) {
    const realm = parameters.get('realm')
    if (scheme === 'basic') challenges.push({ scheme })
    if (scheme === 'bearer' && realm !== undefined) {
      const [service, scope, error] = ['service', 'scope', 'error'].map((name) => parameters.get(name))
      challenges.push({ scheme, realm, service, scope, error })
    }
  }
  return challenges
}

/** A word that no `=` follows begins a challenge; `name=value` belongs to the one before. */
function splitChallenges(header: string) {
  const challenges: { readonly scheme: string; readonly parameters: Map<string, string> }[] = []
  const pattern = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g
  for (const [, word = '', quoted, plain] of header.matchAll(pattern)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain
    if (value === undefined) challenges.push({ scheme: word.toLowerCase(), parameters: new Map() })
    else challenges.at(-1)?.parameters.set(word.toLowerCase(), value)
  }
  return challenges
}
