import type { SourceRange } from '../../core/source-range.ts'
import { ruleDescriptions, type RuleName } from '../../frontend/index.ts'
import type { CheckReport } from '../calls/check-dockerfile.ts'

/** What `docker buildx build --call=check,format=json` prints: programs that read that can read this. */
export function findingsJson({ warnings, errors, file }: CheckReport): unknown {
  const [error] = errors
  return {
    warnings: warnings.map(({ rule, url, message, source }) => ({
      ruleName: rule,
      description: ruleDescriptions[rule as RuleName],
      url,
      detail: message,
      location: locationOf(source),
    })),
    sources: [{ filename: file.name, language: 'Dockerfile', data: Buffer.from(file.text).toString('base64') }],
    buildError: error && { message: error.message, location: locationOf(error.source) ?? {} },
  }
}

/** Lines count from 1, characters from 0. */
export function locationOf(source: SourceRange | undefined): unknown {
  if (source === undefined) return undefined
  const position = ({ line, column }: SourceRange['start']) => ({ line, character: column - 1 })
  return { ranges: [{ start: position(source.start), end: position(source.end) }] }
}
