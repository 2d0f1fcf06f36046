const powers: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 }

/** Bytes of `64m`, `1.5GiB`, `100`: powers of 1024. `undefined`: it is no size.
 *  @see https://pkg.go.dev/github.com/docker/go-units#RAMInBytes */
export function findSizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text)
  if (match === null) return undefined
  const [, number = '', unit = ''] = match
  return Math.trunc(Number(number) * 1024 ** (powers[unit.toLowerCase()] ?? 0))
}
