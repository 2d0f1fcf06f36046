/** What a `check` directive asks for. */
export interface CheckOptions {
  readonly skip: ReadonlySet<string> | 'all'
  readonly experimental: ReadonlySet<string> | 'all'
  /** A finding fails the build. */
  readonly error: boolean
}

/** All rules together are shorter. */
const longest = 4096

/** Reads `skip=A,B;error=true;experimental=all`, up to the first blank that is not beside a sign: what stands behind it is a remark.
 *  `undefined`: it is not of that form.
 *  @see https://docs.docker.com/reference/dockerfile/#check */
export function findCheckOptions(text: string): CheckOptions | undefined {
  let skip: CheckOptions['skip'] = new Set()
  let experimental: CheckOptions['experimental'] = new Set()
  let error = false
  if (text.length > longest) return undefined
  const [options = ''] = text
    .trim()
    .replace(/\s*([;,=])\s*/g, '$1')
    .split(/\s/)
  if (options === '') return { skip, experimental, error }
  for (const part of options.split(';')) {
    const [, key = '', value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(part) ?? []
    switch (key) {
      case 'skip':
        skip = readRules(value)
        break
      case 'experimental':
        experimental = readRules(value)
        break
      case 'error':
        if (!/^(?:true|false|t|f|1|0)$/i.test(value)) return undefined
        error = /^(?:true|t|1)$/i.test(value)
        break
      default:
        return undefined
    }
  }
  return { skip, experimental, error }
}

function readRules(text: string): ReadonlySet<string> | 'all' {
  const names = text.split(',').map((name) => name.trim())
  return names.includes('all') ? 'all' : new Set(names)
}
