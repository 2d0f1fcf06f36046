/** The polynomial of CRC-32, its bits reversed: the highest bit stands for x^0. */
const polynomial = 0xedb8_8320
const one = 0x8000_0000

/** The checksum of two pieces behind each other, from those of each.
 *  @param secondBytes length of the second
 *  @see https://datatracker.ietf.org/doc/html/rfc1952#section-8 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX(8 * secondBytes), first) ^ second) >>> 0
}

/** x to the power of `exponent`, by squaring. */
function powerOfX(exponent: number): number {
  let result = one
  let factor = one >>> 1 // x
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(factor, result)
    factor = multiply(factor, factor)
  }
  return result
}

/** Of polynomials with coefficients of one bit, modulo the polynomial of CRC-32. */
function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ polynomial
  }
  return product >>> 0
}
