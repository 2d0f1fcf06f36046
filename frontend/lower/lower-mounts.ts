import type { VertexId } from '../../core/graph.ts'
import type { CacheMount, Mount } from '../../core/ops.ts'
import { cleanPath, rootedPath } from '../../core/patterns/clean-path.ts'
import { invalid } from '../instructions/invalid.ts'
import type { RunInstruction } from '../instructions/types.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { StageContext } from './context.ts'
import { findMountFrom } from './mount-fields.ts'
import { readMount, type MountSettings } from './mount-settings.ts'
import { mountOrigin } from './needs.ts'
import { unsupported } from './unsupported.ts'

/** The mounts of a RUN. Trees that they show are added to `inputs`.
 *  @see https://docs.docker.com/reference/dockerfile/#run---mount */
export function lowerMounts(context: StageContext, instruction: RunInstruction, inputs: VertexId[]): readonly Mount[] {
  return instruction.mounts.map((word) => lowerMount(context, readMount(context, instruction, word), word, inputs))
}

function lowerMount(context: StageContext, settings: MountSettings, word: PlacedText, inputs: VertexId[]): Mount {
  switch (settings.type) {
    case 'bind': {
      const origin = mountOrigin(word, context.stages, context.options)
      return {
        kind: 'bind',
        target: targetOf(context, settings, word),
        from: indexOf(inputs, context.treeOf(origin, (findMountFrom(word) ?? word).range)),
        source: rootedPath(settings.source ?? ''),
        readOnly: settings.readOnly ?? true,
      }
    }
    case 'tmpfs':
      return { kind: 'tmpfs', target: targetOf(context, settings, word), sizeBytes: settings.sizeBytes }
    case 'cache':
      return cacheMount(context, settings, word, inputs)
    case 'secret':
    case 'ssh':
      throw unsupported(word.range, `RUN --mount=type=${settings.type}`)
    default:
      return settings.type satisfies never
  }
}

function cacheMount(context: StageContext, settings: MountSettings, word: PlacedText, inputs: VertexId[]): CacheMount {
  const target = targetOf(context, settings, word)
  const { id, sharing = 'shared', readOnly = false, mode, uid, gid } = settings
  const seed = seedOf(context, settings, word, inputs)
  return { kind: 'cache', target, id: id || cleanPath(settings.target ?? ''), sharing, readOnly, seed, mode, uid, gid }
}

function seedOf(
  { stages, options, treeOf }: StageContext,
  { source = '' }: MountSettings,
  word: PlacedText,
  inputs: VertexId[],
): CacheMount['seed'] {
  const origin = mountOrigin(word, stages, options)
  if (origin !== undefined) {
    const tree = treeOf(origin, (findMountFrom(word) ?? word).range)
    return { from: indexOf(inputs, tree), source: rootedPath(source) }
  }
  if (rootedPath(source) === '/') return undefined
  throw invalid(
    word.range,
    'A cache mount has a source only with from',
    'Say with from=… what the source is a path in.',
  )
}

/** A relative target is below WORKDIR. */
function targetOf({ state }: StageContext, { target = '' }: MountSettings, word: PlacedText): string {
  const absolute = cleanPath(target.startsWith('/') ? target : `${state.workdir}/${target}`)
  if (absolute === '/')
    throw invalid(word.range, 'Invalid mount target "/"', 'Give the mount a target=… below the root.')
  return absolute
}

function indexOf(inputs: VertexId[], tree: VertexId): number {
  const known = inputs.indexOf(tree, 1)
  return known > 0 ? known : inputs.push(tree) - 1
}
