import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const sourceFiles = ['debian.sources', 'ubuntu.sources'].map((name) => join('/etc/apt/sources.list.d', name))

/** Makes the root file system of this machine's own distribution, small, with apt, from the packages that this machine's apt gets: through its proxies,
 *  and with its certificates.
 *  @param path of the tar archive to make */
export function makeDebianRoot(path: string): void {
  const [, suite = ''] = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
  const sources = [...sourceFiles, '/etc/apt/sources.list'].find(existsSync)
  if (sources === undefined) throw new Error('this machine has no list of apt sources')
  const options = `${path}.apt.conf`
  writeFileSync(options, aptOptions())
  const secure = readFileSync(sources, 'utf8').includes('https:')
  const bundle = '/etc/ssl/certs/ca-certificates.crt'
  execFileSync(
    'mmdebstrap',
    [
      ...['--variant=minbase', '--quiet', `--aptopt=${options}`],
      // The machine may trust others than its packages say.
      ...(secure ? ['--include=ca-certificates', `--customize-hook=copy-in ${bundle} /etc/ssl/certs`] : []),
      ...[suite, path, sources],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' } },
  )
}

/** What the machine says of proxies and certificates, as lines of apt.conf(5). */
function aptOptions(): string {
  const dump = (scope: string) =>
    execFileSync('apt-config', ['dump', '--format', '%F "%v";%n', scope], { encoding: 'utf8' })
  const lines = [...dump('Acquire::http').split('\n'), ...dump('Acquire::https').split('\n')]
  return `${lines.filter((line) => line.startsWith('Acquire::') && !line.endsWith(' "";')).join('\n')}\n`
}
