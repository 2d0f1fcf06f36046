/** A port specification of EXPOSE, read. */
export interface PortSpec {
  /** As the config has them: `80/tcp`. */
  readonly ports: readonly string[]
  /** As written. */
  readonly protocol: string
  /** It names an address or a port of the host, which mean nothing here. */
  readonly hasHostPart: boolean
}

export type PortResult =
  { readonly kind: 'ports'; readonly spec: PortSpec } | { readonly kind: 'invalid'; readonly why: string }

/** Reads `80`, `80/udp`, `8000-8010`, `[address:][hostPort:]port[/protocol]`.
 *  @see https://docs.docker.com/reference/dockerfile/#expose */
export function readPortSpec(text: string): PortResult {
  const parts = text.split(':')
  const container = parts.at(-1) ?? ''
  const hostPort = parts.at(-2) ?? ''
  const address = parts.slice(0, -2).join(':')
  const slash = container.indexOf('/')
  const range = slash < 0 ? container : container.slice(0, slash)
  const protocol = (slash < 0 ? '' : container.slice(slash + 1)) || 'tcp'
  if (range === '') return invalid('no port specified')
  if (!/^(?:tcp|udp|sctp)$/i.test(protocol)) return invalid(`invalid proto: ${protocol}`)
  if (address !== '' && !isAddress(address)) return invalid(`invalid IP address: ${address}`)
  const ports = readRange(range)
  if (ports === undefined) return invalid(`invalid containerPort: ${range}`)
  if (hostPort !== '') {
    const hostPorts = readRange(hostPort)
    if (hostPorts === undefined) return invalid(`invalid hostPort: ${hostPort}`)
    if (hostPorts.end - hostPorts.start !== ports.end - ports.start && ports.end !== ports.start) {
      return invalid(`invalid ranges specified for container and host Ports: ${range} and ${hostPort}`)
    }
  }
  const numbers = Array.from({ length: ports.end - ports.start + 1 }, (_, index) => ports.start + index)
  const names = numbers.map((port) => `${port}/${protocol.toLowerCase()}`)
  return { kind: 'ports', spec: { ports: names, protocol, hasHostPart: address !== '' || hostPort !== '' } }
}

function readRange(text: string): { readonly start: number; readonly end: number } | undefined {
  const match = /^\+?(\d+)(?:-\+?(\d+))?$/.exec(text)
  const start = Number(match?.[1] ?? Number.NaN)
  const end = Number(match?.[2] ?? start)
  return start <= end && end <= 65535 ? { start, end } : undefined
}

function isAddress(text: string): boolean {
  const inner = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  const bytes = inner.split('.')
  if (bytes.length === 4 && bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256)) return true
  return /^[0-9a-fA-F:.]+$/.test(inner) && inner.includes(':')
}

function invalid(why: string): PortResult {
  return { kind: 'invalid', why }
}
