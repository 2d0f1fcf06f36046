import { formatPlatform } from '../../core/platform.ts'
import type { PlanOptions } from './plan.ts'
import type { Stage } from './stages.ts'
import type { Step } from './step.ts'

/** A vertex's label: what people read, and which step it is whatever that says today. */
export interface StepName {
  readonly name: string
  readonly step: string
}

/** Numbers the steps of a stage as BuildKit does: `[build 2/4] RUN make`. */
export class StepNames {
  readonly #prefix: string
  readonly #stage: string
  readonly #total: number
  #index = 0

  /** @param alone the stage is the only tree of the file: an unnamed one stays without a name then */
  constructor(stage: Stage, steps: readonly Step[], alone: boolean, options: PlanOptions) {
    this.#stage = stage.name ?? `stage-${stage.index}`
    const shown = alone ? '' : `${this.#stage} `
    this.#prefix = (options.multiPlatform ? `${formatPlatform(stage.platform)} ` : '') + shown
    const hasImage = stage.base.kind === 'image' || stage.base.kind === 'files'
    const counted = steps.filter(({ triggered, instruction }) => triggered || makesLayer(instruction.kind))
    this.#total = stage.replaced ? 0 : counted.length + (hasImage ? 1 : 0)
  }

  /** The next one. `kind` is the instruction's name, or another word that tells it from the rest. */
  next(kind: string, text: string, triggered = false): StepName {
    this.#index++
    const step = `${this.#stage} ${this.#index} ${kind}`
    if (this.#total === 0) return { name: text, step }
    const index = String(this.#index).padStart(String(this.#total).length)
    return { name: `[${this.#prefix}${index}/${this.#total}] ${triggered ? 'ONBUILD ' : ''}${text}`, step }
  }
}

function makesLayer(kind: string): boolean {
  return kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir'
}
