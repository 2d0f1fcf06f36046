import type { VertexId } from '../../core/graph.ts'
import type { CacheMount, Mount, SecretMount, SecretVariable, SshMount } from '../../core/ops.ts'
import { cleanPath, rootedPath } from '../../core/patterns/clean-path.ts'
import { invalid } from '../instructions/invalid.ts'
import type { RunInstruction } from '../instructions/types.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { StageContext } from './context.ts'
import { findMountFrom } from './mount-fields.ts'
import { readMount, type MountSettings } from './mount-settings.ts'
import { mountOrigin } from './needs.ts'

export interface LoweredMounts {
  readonly mounts: readonly Mount[]
  readonly secretVariables: readonly SecretVariable[]
}

/** The mounts of a RUN. Trees that they show are added to `inputs`.
 *  @see https://docs.docker.com/reference/dockerfile/#run---mount */
export function lowerMounts(context: StageContext, instruction: RunInstruction, inputs: VertexId[]): LoweredMounts {
  const words = instruction.mounts.map((word) => ({ word, settings: readMount(context, instruction, word) }))
  let agents = 0
  return {
    mounts: words.flatMap(({ word, settings }): readonly Mount[] => {
      switch (settings.type) {
        case 'bind':
          return [bindMount(context, settings, word, inputs)]
        case 'tmpfs':
          return [{ kind: 'tmpfs', target: targetOf(context, settings, word), sizeBytes: settings.sizeBytes }]
        case 'cache':
          return [cacheMount(context, settings, word, inputs)]
        case 'secret':
          return secretFile(context, settings, word)
        case 'ssh':
          return [sshMount(context, settings, word, agents++)]
        default:
          return settings.type satisfies never
      }
    }),
    secretVariables: words.flatMap(({ word, settings }) => secretVariable(settings, word)),
  }
}

function bindMount(context: StageContext, settings: MountSettings, word: PlacedText, inputs: VertexId[]): Mount {
  const origin = mountOrigin(word, context.stages, context.options)
  return {
    kind: 'bind',
    target: targetOf(context, settings, word),
    from: indexOf(inputs, context.treeOf(origin, (findMountFrom(word) ?? word).range)),
    source: rootedPath(settings.source ?? ''),
    readOnly: settings.readOnly ?? true,
  }
}

/** @param number how many of its kind stand before it */
function sshMount(context: StageContext, settings: MountSettings, word: PlacedText, number: number): SshMount {
  refuseFrom(settings, word)
  const { id, required = false, mode = 0o600, uid = 0, gid = 0, source } = settings
  if (source !== undefined) throw invalid(word.range, 'An ssh mount takes no source', 'Its agent is named by id.')
  const target = targetOf(context, { target: settings.target ?? `/run/buildkit/ssh_agent.${number}` }, word)
  return { kind: 'ssh', target, id: id || 'default', required, mode, uid, gid }
}

/** None when the secret is to be a variable only. */
function secretFile(context: StageContext, settings: MountSettings, word: PlacedText): readonly SecretMount[] {
  refuseFrom(settings, word)
  const { env, target, required = false, mode = 0o400, uid = 0, gid = 0 } = settings
  const id = secretId(settings, word)
  if (env !== undefined && target === undefined) return []
  const place = targetOf(context, { target: target ?? `/run/secrets/${baseName(id)}` }, word)
  return [{ kind: 'secret', target: place, id, required, mode, uid, gid }]
}

function secretVariable(settings: MountSettings, word: PlacedText): readonly SecretVariable[] {
  const { type, env, required = false } = settings
  return type !== 'secret' || env === undefined ? [] : [{ name: env, id: secretId(settings, word), required }]
}

function secretId({ id, source, target }: MountSettings, { range }: PlacedText): string {
  if (id && source) throw invalid(range, "Both source and id can't be set for a secret: they mean the same")
  const given = id || source || (target && baseName(target))
  if (given) return given
  throw invalid(range, 'A secret needs an id, or a target to take its name from', 'Say which secret it is with id=….')
}

function baseName(path: string): string {
  const clean = cleanPath(path)
  return clean.slice(clean.lastIndexOf('/') + 1)
}

/** These show nothing of a tree. */
function refuseFrom({ type }: MountSettings, word: PlacedText): void {
  const from = findMountFrom(word)
  if (from !== undefined) throw invalid(from.range, `${type} mounts take no from: they show nothing of a tree`)
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
function targetOf({ state }: StageContext, { target = '' }: Pick<MountSettings, 'target'>, word: PlacedText): string {
  const absolute = cleanPath(target.startsWith('/') ? target : `${state.workdir}/${target}`)
  if (absolute === '/')
    throw invalid(word.range, 'Invalid mount target "/"', 'Give the mount a target=… below the root.')
  return absolute
}

function indexOf(inputs: VertexId[], tree: VertexId): number {
  const known = inputs.indexOf(tree, 1)
  return known > 0 ? known : inputs.push(tree) - 1
}
