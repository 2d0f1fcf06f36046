import type { StageInstruction } from '../instructions/types.ts'

/** An instruction at work in a stage. */
export interface Step {
  readonly instruction: StageInstruction
  /** An ONBUILD of the stage's base brought it. */
  readonly triggered: boolean
}
