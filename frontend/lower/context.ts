import type { GraphBuilder, VertexId } from '../../core/graph.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { Lint } from '../lint/lint.ts'
import type { EscapeCharacter } from '../parser/directives.ts'
import type { Origin } from './origins.ts'
import type { AnswerTo, PlanOptions, Question } from './plan.ts'
import type { Stage } from './stages.ts'
import type { StageState } from './stage-state.ts'
import type { StepNames } from './step-names.ts'

/** All that the lowering of one instruction may look at. */
export interface StageContext {
  readonly stage: Stage
  readonly stages: readonly Stage[]
  readonly state: StageState
  readonly graph: GraphBuilder
  readonly names: StepNames
  readonly options: PlanOptions
  /** Time of all that is made, in seconds since 1970. */
  readonly epochSeconds: number | undefined
  /** Build arguments, and the values that they give to what is declared. */
  readonly globals: ReadonlyMap<string, string>
  readonly escape: EscapeCharacter
  readonly lint: Lint
  /** Patterns of the build context's ignore file. */
  readonly contextIgnore: readonly string[]
  readonly ignoreCache: boolean
  /** The tree of another stage, of an image, of a context.
   *  @throws {BuildError} `STAGE_NOT_FOUND` at `place`, when the stage comes later in the file */
  readonly treeOf: (origin: Origin | undefined, place: SourceRange) => VertexId
  /** What stands outside the file. `undefined`: it has to be asked first, and the plan is made anew with the answer. */
  readonly ask: <Q extends Question>(question: Q) => AnswerTo<Q> | undefined
}
