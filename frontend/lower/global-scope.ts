import type { BuildError } from '../../core/errors.ts'
import { formatPlatform } from '../../core/platform.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { expandWord } from '../expand/expand-word.ts'
import { collect } from './collect.ts'
import type { PlanOptions } from './plan.ts'

export interface GlobalScope {
  readonly values: ReadonlyMap<string, string>
  /** The names that are declared, with or without a value. */
  readonly names: ReadonlySet<string>
}

/** What FROM lines see, and what `ARG name` in a stage inherits: the platforms, and the ARGs before the first FROM.
 *  @see https://docs.docker.com/reference/dockerfile/#scope */
export function globalScope(
  dockerfile: Dockerfile,
  options: PlanOptions,
  buildArgs: ReadonlyMap<string, string>,
  errors: BuildError[],
): GlobalScope {
  const values = new Map(platformArgs(dockerfile, options))
  for (const name of values.keys()) {
    const override = buildArgs.get(name)
    if (override !== undefined) values.set(name, override)
  }
  for (const { entries } of dockerfile.globals) {
    for (const { name, fallback } of entries) {
      collect(errors, () => {
        const given = buildArgs.get(name)
        const value = given ?? (fallback && expandWord(fallback, values, { escape: dockerfile.escape }).text)
        if (value !== undefined) values.set(name, value)
      })
    }
  }
  const declared = dockerfile.globals.flatMap(({ entries }) => entries.map(({ name }) => name))
  return { values, names: new Set([...values.keys(), ...declared]) }
}

/** @see https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope */
function platformArgs({ stages }: Dockerfile, options: PlanOptions): readonly (readonly [string, string])[] {
  const { buildPlatform: build, targetPlatform: target } = options
  const targetStage = options.target ?? stages.at(-1)?.from.name ?? 'default'
  return [
    ['BUILDPLATFORM', formatPlatform(build)],
    ['BUILDOS', build.os],
    ['BUILDOSVERSION', build.osVersion ?? ''],
    ['BUILDARCH', build.architecture],
    ['BUILDVARIANT', build.variant ?? ''],
    ['TARGETPLATFORM', formatPlatform(target)],
    ['TARGETOS', target.os],
    ['TARGETOSVERSION', target.osVersion ?? ''],
    ['TARGETARCH', target.architecture],
    ['TARGETVARIANT', target.variant ?? ''],
    ['TARGETSTAGE', targetStage],
  ]
}
