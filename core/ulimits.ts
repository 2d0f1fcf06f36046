/** What setrlimit(2) limits, without `RLIMIT_`, in lower case, in the order of the kernel's numbers on the architectures that we know calls of. */
export const ulimitNames = [
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
] as const

export type UlimitName = (typeof ulimitNames)[number]

/** A limit of a process. -1: none. */
export interface Ulimit {
  readonly name: UlimitName
  readonly soft: number
  /** Not below `soft`. */
  readonly hard: number
}

export function isUlimitName(name: string): name is UlimitName {
  return (ulimitNames as readonly string[]).includes(name)
}
