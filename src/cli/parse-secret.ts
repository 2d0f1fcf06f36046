import { BuildError } from '../../core/errors.ts'
import type { SecretRequest } from '../config/request.ts'
import { parseCsvPairs } from './parse-csv.ts'

/** One `--secret`: `id=ID[,src=PATH|,env=NAME][,type=file|env]`. An id alone is the variable of that name, else the file, as buildx has it.
 *  @throws {BuildError} `OPTION_INVALID`
 *  @see https://docs.docker.com/reference/cli/docker/buildx/build/#secret */
export function parseSecret(
  text: string,
  variables: Readonly<Record<string, string | undefined>>,
): readonly [id: string, secret: SecretRequest] {
  const { id, type, file, env } = fieldsOf(text)
  if (id === undefined || id === '') throw invalid(text, 'it has no id')
  if (file !== undefined && env !== undefined) throw invalid(text, 'it is either a file or a variable')
  if (type === 'env') return [id, { env: env ?? file ?? id }]
  if (env !== undefined) {
    if (type === 'file') throw invalid(text, 'a variable is no file')
    return [id, { env }]
  }
  if (file !== undefined) return [id, { file }]
  return [id, type === undefined && variables[id] !== undefined ? { env: id } : { file: id }]
}

interface Fields {
  readonly id?: string
  readonly type?: string
  readonly file?: string
  readonly env?: string
}

function fieldsOf(text: string): Fields {
  return parseCsvPairs(text).reduce<Fields>((fields, [name, value]) => {
    if (value === undefined) throw invalid(text, `${JSON.stringify(name)} has no value`)
    switch (name.toLowerCase()) {
      case 'id':
        return { ...fields, id: value }
      case 'type':
        if (value !== 'file' && value !== 'env') throw invalid(text, `there is no type ${JSON.stringify(value)}`)
        return { ...fields, type: value }
      case 'src':
      case 'source':
        return { ...fields, file: value }
      case 'env':
        return { ...fields, env: value }
      default:
        throw invalid(text, `there is no attribute ${JSON.stringify(name)}`)
    }
  }, {})
}

function invalid(text: string, why: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot read --secret ${JSON.stringify(text)}: ${why}`, {
    hint: 'Write it as id=ID,src=PATH or id=ID,env=NAME.',
  })
}
