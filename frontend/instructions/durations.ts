const unitNanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** More digits than that are no duration that anything could wait for. */
const longest = 100

/** Nanoseconds of `1h15m30.5s`. `undefined`: it is no duration.
 *  @see https://pkg.go.dev/time#ParseDuration */
export function findDuration(text: string): number | undefined {
  const [, sign = '', amount = ''] = /^([+-]?)(.+)$/.exec(text) ?? []
  if (amount === '0') return 0
  if (amount.length > longest) return undefined
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(amount)) return undefined
  let nanoseconds = 0
  for (const [, number = '', unit = ''] of amount.matchAll(/([\d.]+)([^\d.]+)/g)) {
    nanoseconds += Number(number) * (unitNanoseconds[unit] ?? 0)
  }
  return (sign === '-' ? -1 : 1) * Math.trunc(nanoseconds)
}

/** `5s`, `1m30s`, `1.5ms`, `0s`: the spelling of Go, which image histories have.
 *  @see https://pkg.go.dev/time#Duration.String */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  if (nanoseconds < 1e3) return `${nanoseconds}ns`
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`
  const wholeMinutes = Math.floor(nanoseconds / 60e9)
  const seconds = `${fraction(nanoseconds - wholeMinutes * 60e9)}s`
  if (wholeMinutes === 0) return seconds
  const hours = Math.floor(wholeMinutes / 60)
  return `${hours === 0 ? '' : `${hours}h`}${wholeMinutes % 60}m${seconds}`
}

/** Seconds without trailing zeros. */
function fraction(nanoseconds: number): string {
  const whole = Math.floor(nanoseconds / 1e9)
  const rest = String(nanoseconds - whole * 1e9)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return rest === '' ? `${whole}` : `${whole}.${rest}`
}
