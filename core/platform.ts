import { BuildError } from './errors.ts'

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md (platform) */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
  readonly osVersion?: string | undefined
}

const architectureAliases: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  i386: '386',
  i486: '386',
  i586: '386',
  i686: '386',
  aarch64: 'arm64',
  armhf: 'arm/v7',
  armel: 'arm/v6',
}

/** Reads `os/architecture[/variant]`, or an architecture alone (`linux` is meant then), in the normal form that
 *  containerd gives it: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`.
 *  @throws {BuildError} `PLATFORM_INVALID` */
export function parsePlatform(text: string): Platform {
  const parts = text.trim().toLowerCase().split('/')
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part))) throw platformInvalid(text)
  const [first = '', second, third] = parts
  if (second === undefined) {
    if (first === 'linux' || first === 'windows' || first === 'darwin' || first === 'freebsd')
      throw platformInvalid(text)
    return normalise('linux', first, undefined)
  }
  return normalise(first, second, third)
}

/** The normal form of a platform given in parts, as image configs and indexes give it. */
export function normalisePlatform(platform: Platform): Platform {
  const normal = normalise(
    platform.os.toLowerCase(),
    platform.architecture.toLowerCase(),
    platform.variant?.toLowerCase(),
  )
  return platform.osVersion === undefined || platform.osVersion === ''
    ? normal
    : { ...normal, osVersion: platform.osVersion }
}

function normalise(os: string, architectureText: string, variantText: string | undefined): Platform {
  const [architecture = '', aliasVariant] = (architectureAliases[architectureText] ?? architectureText).split('/')
  const variant = variantText === '' ? aliasVariant : (variantText ?? aliasVariant)
  if (architecture === 'arm64' && variant === 'v8') return { os, architecture }
  if (architecture === 'amd64' && variant === 'v1') return { os, architecture }
  if (architecture === 'arm') return { os, architecture, variant: variant === undefined ? 'v7' : withLeadingV(variant) }
  return variant === undefined ? { os, architecture } : { os, architecture, variant }
}

function withLeadingV(variant: string): string {
  return /^\d$/.test(variant) ? `v${variant}` : variant
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/')
}

export function equalPlatforms(a: Platform, b: Platform): boolean {
  return formatPlatform(a) === formatPlatform(b)
}

/** Which of the offered platforms serves the wanted one best: the same, else an older variant of the same
 *  architecture (`arm/v7` runs `v6` and `v5`; `amd64/v3` runs `v2` and the base line). `undefined`: none. */
export function findBestPlatform<T extends { readonly platform: Platform }>(
  offers: readonly T[],
  wanted: Platform,
): T | undefined {
  const ranked = offers
    .map((offer) => ({ offer, rank: rank(normalisePlatform(offer.platform), normalisePlatform(wanted)) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => b.rank - a.rank)
  return ranked[0]?.offer
}

/** Higher is better; negative cannot serve. */
function rank(offered: Platform, wanted: Platform): number {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return -1
  if (wanted.osVersion !== undefined && offered.osVersion !== undefined && wanted.osVersion !== offered.osVersion)
    return -1
  const offeredLevel = variantLevel(offered)
  const wantedLevel = variantLevel(wanted)
  return offeredLevel <= wantedLevel ? offeredLevel : -1
}

function variantLevel({ architecture, variant }: Platform): number {
  const level = /^v(\d+)/.exec(variant ?? '')?.[1]
  if (level !== undefined) return Number(level)
  return architecture === 'arm64' ? 8 : 1
}

function platformInvalid(text: string): BuildError {
  return new BuildError('PLATFORM_INVALID', `Cannot parse platform ${JSON.stringify(text)}`, {
    hint: 'A platform is os/architecture or os/architecture/variant, such as linux/amd64 or linux/arm/v7.',
  })
}
