import { BuildError } from '../../core/errors.ts'
import type { Warning } from '../../core/events.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { findCheckOptions, type CheckOptions } from './check-options.ts'
import { experimentalRules, rulePage, type RuleName } from './rules.ts'

const everything: CheckOptions = { skip: new Set(), experimental: new Set(), error: false }

/** Where a finding is, and the comments above it, which may forgive it. */
export interface LintPlace {
  readonly range: SourceRange
  readonly comments: readonly string[]
}

/** Collects findings, each once, but those that the Dockerfile asks to skip. */
export class Lint {
  readonly #options: CheckOptions
  readonly #found = new Map<string, Warning>()

  /** @param check the value of the `check` directive
   *  @throws {BuildError} `DOCKERFILE_SYNTAX` at `source`, if it has another form */
  constructor(check: string | undefined, source: SourceRange | undefined) {
    const options = check === undefined ? everything : findCheckOptions(check)
    if (options === undefined) {
      throw new BuildError('DOCKERFILE_SYNTAX', `Cannot parse check options ${JSON.stringify(check)}`, {
        hint: 'They are such as skip=RuleA,RuleB;error=true.',
        source,
      })
    }
    this.#options = options
  }

  report(rule: RuleName, message: string, { range, comments }: LintPlace): void {
    if (!this.#isOn(rule) || isForgiven(rule, comments)) return
    const { line, column } = range.start
    this.#found.set(`${rule} ${range.file}:${line}:${column} ${message}`, {
      rule,
      message,
      url: rulePage(rule),
      source: range,
    })
  }

  /** In the order of the file. */
  get warnings(): readonly Warning[] {
    return [...this.#found.values()].sort((a, b) => lineOf(a) - lineOf(b))
  }

  /** A failure for each finding, if the Dockerfile wants none. */
  get violations(): readonly BuildError[] {
    if (!this.#options.error) return []
    return this.warnings.map(({ rule, message, url, source }) => {
      const skip = `"# check=skip=${rule ?? ''}" above the instruction lets it pass.`
      const hint = url === undefined ? skip : `See ${url}; ${skip}`
      return new BuildError('CHECK_FAILED', `Lint violation found for rule ${rule ?? ''}: ${message}`, { source, hint })
    })
  }

  /** The same as one failure, for who has told the findings already. */
  get verdict(): BuildError | undefined {
    if (this.violations.length === 0) return undefined
    const names = [...new Set(this.warnings.map(({ rule }) => rule))].join(', ')
    return new BuildError('CHECK_FAILED', `Lint violation found for rules: ${names}`)
  }

  #isOn(rule: RuleName): boolean {
    const { skip, experimental } = this.#options
    // A rule that has to be asked for was not asked for to be skipped.
    if (experimentalRules.has(rule)) return experimental === 'all' || experimental.has(rule)
    return skip !== 'all' && !skip.has(rule)
  }
}

function isForgiven(rule: RuleName, comments: readonly string[]): boolean {
  return comments.some((comment) => {
    const [, value] = /^check\s*=\s*(.+)$/.exec(comment) ?? []
    const skip = value === undefined ? undefined : findCheckOptions(value)?.skip
    return skip === 'all' || skip?.has(rule) === true
  })
}

function lineOf({ source }: Warning): number {
  return source?.start.line ?? 0
}
