import type { EnvEntry } from '../../core/ops.ts'

const names = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy']

/** The proxy settings among the build arguments, each in both cases, since programs differ. They reach every RUN without
 *  being declared, and stay out of keys and history.
 *  @see https://docs.docker.com/reference/dockerfile/#predefined-args */
export function proxyVariables(buildArgs: ReadonlyMap<string, string>): readonly EnvEntry[] {
  const given = new Map(
    [...buildArgs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name.toLowerCase(), value]),
  )
  return names.flatMap((name) => {
    const value = given.get(name) ?? ''
    return value === ''
      ? []
      : [
          { name: name.toUpperCase(), value },
          { name, value },
        ]
  })
}

export function isProxyName(name: string): boolean {
  return names.includes(name.toLowerCase())
}
