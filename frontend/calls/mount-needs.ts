import type { SourceRange } from '../../core/source-range.ts'
import { readMountFields } from '../lower/mount-fields.ts'
import type { Step } from '../lower/step.ts'
import type { PlacedText } from '../parser/placed-text.ts'

/** A secret or an agent that mounts ask for. */
export interface MountNeed {
  /** Its id, variables as written. */
  readonly name: string
  /** Some step fails without it. */
  readonly isRequired: boolean
  /** The first mount that asks. */
  readonly source: SourceRange
}

/** The secrets, or agents, of all steps, each once. A mount that cannot be read asks for nothing. */
export function mountNeeds(steps: ReadonlyMap<number, readonly Step[]>, type: 'secret' | 'ssh'): readonly MountNeed[] {
  const needs = new Map<string, MountNeed>()
  for (const { instruction } of [...steps.values()].flat()) {
    if (instruction.kind !== 'run') continue
    for (const mount of instruction.mounts) {
      const need = findNeed(mount, type)
      if (need === undefined) continue
      const earlier = needs.get(need.name)
      needs.set(need.name, { ...(earlier ?? need), isRequired: need.isRequired || earlier?.isRequired === true })
    }
  }
  return [...needs.values()]
}

function findNeed(mount: PlacedText, type: 'secret' | 'ssh'): MountNeed | undefined {
  const fields = new Map(readMountFields(mount).map(({ key, value }) => [key, value?.text]))
  if (fields.get('type')?.toLowerCase() !== type) return undefined
  const target = fields.get('target') ?? fields.get('dst') ?? fields.get('destination')
  const fallback = type === 'ssh' ? 'default' : target?.split('/').at(-1)
  const name = fields.get('id') ?? fallback
  if (name === undefined || name === '') return undefined
  const required = fields.has('required') && /^(?:|1|t|true)$/i.test(fields.get('required') ?? '')
  return { name, isRequired: required, source: mount.range }
}
