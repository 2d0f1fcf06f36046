import { readFileSync } from 'node:fs'

const systemdStub = /^nameserver\s+127\.0\.0\.53\s*$/m

/** The sandbox's `/etc/resolv.conf`: the machine's, or what stands behind it when a local resolver (systemd-resolved) does that a sandbox cannot
 *  reach by its address. resolv.conf(5). */
export function resolvConf(): string {
  const own = readOptional('/etc/resolv.conf')
  if (!systemdStub.test(own)) return own
  const upstream = readOptional('/run/systemd/resolve/resolv.conf')
  return upstream === '' ? own : upstream
}

/** The sandbox's `/etc/hosts`, as BuildKit gives it: hosts(5). */
export function hostsFile(
  hostname: string,
  extra: readonly { readonly host: string; readonly address: string }[],
): string {
  const lines = [
    `127.0.0.1\tlocalhost ${hostname}`,
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...extra.map(({ host, address }) => `${address}\t${host}`),
  ]
  return `${lines.join('\n')}\n`
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
