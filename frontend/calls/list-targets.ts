import type { SourceRange } from '../../core/source-range.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { descriptionOf } from './description-of.ts'

/** A stage that can be built. */
export interface Target {
  /** Lower case. `undefined`: it has only its number. */
  readonly name: string | undefined
  /** Of the comment above it. */
  readonly description: string | undefined
  /** Built when no other is asked for. */
  readonly isDefault: boolean
  /** As written. */
  readonly base: string
  /** As written. */
  readonly platform: string | undefined
  readonly source: SourceRange
}

/** All stages, in the order of the file. */
export function listTargets({ stages }: Dockerfile): readonly Target[] {
  return stages.map(({ from }, index) => ({
    name: from.name,
    description: descriptionOf(from.name, from.comments),
    isDefault: index === stages.length - 1,
    base: from.base.text,
    platform: from.platform?.text,
    source: from.range,
  }))
}
