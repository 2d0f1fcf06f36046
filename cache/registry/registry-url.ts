import { isLoopback } from '../http/index.ts'

/** Where the registry's API is. Plain HTTP is spoken to this machine alone: there, nobody listens in. */
export function registryOrigin(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io'
  return `${isLoopback(registry) ? 'http' : 'https'}://${registry}`
}

/** Where an answer sends us on from `from`. `undefined`: nowhere we would go, since that would give up TLS or is no web address.
 *  A registry behind a proxy may not know that it is spoken to over TLS: for its own host, the scheme stays.
 *  @param location relative or absolute; its query is kept */
export function findTarget(location: string, from: URL): URL | undefined {
  let target: URL
  try {
    target = new URL(location, from)
  } catch {
    return undefined
  }
  target.username = ''
  target.password = ''
  if (target.protocol === 'https:') return target
  if (target.protocol !== 'http:') return undefined
  if (from.protocol === 'https:') {
    if (target.hostname !== from.hostname) return undefined
    target.protocol = 'https:'
    return target
  }
  return isLoopback(target.host) ? target : undefined
}

/** An address for people: without its query, which may be signed. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`
}
