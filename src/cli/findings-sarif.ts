import { relative, resolve } from 'node:path'
import type { SourceRange } from '../../core/source-range.ts'
import { ruleDescriptions, rulePage, type RuleName } from '../../frontend/index.ts'
import type { CheckReport } from '../calls/check-dockerfile.ts'
import { version } from '../version.ts'

/** The findings for tools that review code. Paths are relative to the current folder, as such tools want them.
 *  @param folder what names of files are relative to
 *  @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html */
export function findingsSarif({ warnings, errors }: CheckReport, folder: string): unknown {
  const results = [
    ...warnings.map(({ rule, message, source }) => ({ id: rule ?? 'warning', level: 'warning', message, source })),
    ...errors.map(({ code, message, hint, source }) => ({
      id: code,
      level: 'error',
      message: hint === undefined ? message : `${message}. ${hint}`,
      source,
    })),
  ]
  const ids = [...new Set(results.map(({ id }) => id))]
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'stave', semanticVersion: version, rules: ids.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: results.map(({ id, level, message, source }) => ({
          ruleId: id,
          ruleIndex: ids.indexOf(id),
          level,
          message: { text: message },
          locations: source === undefined ? [] : [locationOf(source, folder)],
        })),
      },
    ],
  }
}

function ruleOf(id: string): unknown {
  const isRule = Object.hasOwn(ruleDescriptions, id)
  return {
    id,
    shortDescription: { text: isRule ? ruleDescriptions[id as RuleName] : 'The Dockerfile cannot be built' },
    helpUri: isRule ? rulePage(id as RuleName) : undefined,
  }
}

function locationOf({ file, start, end }: SourceRange, folder: string): unknown {
  const path = relative('.', resolve(folder, file))
  return {
    physicalLocation: {
      artifactLocation: { uri: path.split('/').map(encodeURIComponent).join('/') },
      region: { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column },
    },
  }
}
