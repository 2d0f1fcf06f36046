import { BuildError } from '../../core/errors.ts'

/** `a=1,"b=x,y",c` -> pairs in order; a field without `=` has `undefined` as its value. Quotes as in RFC 4180.
 *  @throws {BuildError} `OPTION_INVALID` for a quote that does not end */
export function parseCsvPairs(text: string): readonly (readonly [name: string, value: string | undefined])[] {
  return fieldsOf(text).map((field) => {
    const equals = field.indexOf('=')
    return equals < 0 ? [field.trim(), undefined] : [field.slice(0, equals).trim(), field.slice(equals + 1)]
  })
}

function fieldsOf(text: string): readonly string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '"' && quoted && text[index + 1] === '"') {
      field += '"'
      index++
    } else if (character === '"') {
      quoted = !quoted
    } else if (character === ',' && !quoted) {
      fields.push(field)
      field = ''
    } else {
      field += character
    }
  }
  if (quoted) throw new BuildError('OPTION_INVALID', `Cannot read ${JSON.stringify(text)}: a quote does not end`)
  return [...fields, field]
}
