import { findSuggestion } from '../../core/suggestion.ts'
import { didYouMean, invalid } from '../instructions/invalid.ts'
import type { CacheSharing } from '../../core/ops.ts'
import type { RunInstruction } from '../instructions/types.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { StageContext } from './context.ts'
import { expandIn } from './expand.ts'
import { readMountFields, type MountField } from './mount-fields.ts'
import { findSizeBytes } from '../../core/sizes.ts'

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const
export type MountType = (typeof types)[number]

const sharings: readonly CacheSharing[] = ['shared', 'private', 'locked']

/** A `--mount`, read and checked. What is not written is `undefined`. */
export interface MountSettings {
  readonly type: MountType
  readonly source: string | undefined
  readonly target: string | undefined
  readonly readOnly: boolean | undefined
  readonly sizeBytes: number | undefined
  readonly id: string | undefined
  readonly sharing: CacheSharing | undefined
  readonly required: boolean | undefined
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly env: string | undefined
}

const keys = [
  ...['type', 'from', 'source', 'target', 'readonly', 'id', 'sharing', 'required', 'size', 'mode', 'uid', 'gid'],
  ...['src', 'dst', 'destination', 'ro', 'rw', 'readwrite', 'env'],
]

/** Of keys that are repeated the last counts. Values may have variables in them.
 *  @throws {BuildError} `INSTRUCTION_INVALID` at the field */
export function readMount(context: StageContext, instruction: RunInstruction, mount: PlacedText): MountSettings {
  const settings: { -readonly [K in keyof MountSettings]?: MountSettings[K] } & { type: MountType } = { type: 'bind' }
  for (const field of readMountFields(mount)) {
    const text = field.value === undefined ? undefined : expandIn(context, instruction, field.value).text
    switch (field.key) {
      case 'readonly':
      case 'ro':
        settings.readOnly = readBoolean(field, text)
        continue
      case 'readwrite':
      case 'rw':
        settings.readOnly = !readBoolean(field, text)
        continue
      case 'required':
        only(field, settings.type, ['secret', 'ssh'])
        settings.required = readBoolean(field, text)
        continue
    }
    const value = needText(field, text)
    switch (field.key) {
      case 'type':
        settings.type = readChoice(field, value, types, 'mount type')
        break
      case 'from':
        break
      case 'source':
      case 'src':
        settings.source = value
        break
      case 'target':
      case 'dst':
      case 'destination':
        settings.target = value
        break
      case 'size':
        only(field, settings.type, ['tmpfs'])
        settings.sizeBytes = findSizeBytes(value) ?? refuse(field, value)
        break
      case 'id':
        settings.id = value
        break
      case 'sharing':
        settings.sharing = readChoice(field, value, sharings, 'sharing value')
        break
      case 'mode':
        settings.mode = /^0*[0-7]{1,4}$/.test(value) ? Number.parseInt(value, 8) : refuse(field, value)
        break
      case 'uid':
      case 'gid':
        settings[field.key] = /^\d+$/.test(value) && Number(value) < 2 ** 32 ? Number(value) : refuse(field, value)
        break
      case 'env':
        settings.env = value
        break
      default:
        throw unknownKey(field)
    }
  }
  checkTogether(settings, mount)
  return { ...nothing, ...settings }
}

const nothing: Omit<MountSettings, 'type'> = {
  source: undefined,
  target: undefined,
  readOnly: undefined,
  sizeBytes: undefined,
  id: undefined,
  sharing: undefined,
  required: undefined,
  mode: undefined,
  uid: undefined,
  gid: undefined,
  env: undefined,
}

function checkTogether(settings: Partial<MountSettings> & { type: MountType }, { range }: PlacedText): void {
  const { type, mode, uid, gid, sharing, id, env } = settings
  if (type === 'bind' || type === 'tmpfs') {
    for (const [key, value] of Object.entries({ mode, uid, gid })) {
      if (value !== undefined) throw invalid(range, `${key} not allowed for ${JSON.stringify(type)} type mounts`)
    }
  }
  if (id !== undefined && (type === 'bind' || type === 'tmpfs'))
    throw invalid(range, `Unexpected key 'id' for mount type '${type}'`)
  if (env !== undefined && type !== 'secret') throw invalid(range, `Unexpected key 'env' for mount type '${type}'`)
  if (env !== undefined && !/^[^=\0]+$/.test(env)) throw invalid(range, `Invalid value for env: ${JSON.stringify(env)}`)
  if (sharing !== undefined && type !== 'cache') throw invalid(range, `Invalid cache sharing set for ${type} mount`)
}

/** `true` for a key alone. */
function readBoolean(field: MountField, text: string | undefined): boolean {
  if (text === undefined || /^(?:1|t|true)$/i.test(text)) return true
  if (/^(?:0|f|false)$/i.test(text)) return false
  return refuse(field, text)
}

function readChoice<T extends string>(field: MountField, text: string, choices: readonly T[], what: string): T {
  const choice = choices.find((known) => known === text.toLowerCase())
  if (choice !== undefined) return choice
  const hint = didYouMean(findSuggestion(text, choices)) ?? `It is one of: ${choices.join(', ')}.`
  throw invalid(field.whole.range, `Unsupported ${what} ${JSON.stringify(text)}`, hint)
}

function needText(field: MountField, text: string | undefined): string {
  if (!keys.includes(field.key)) throw unknownKey(field)
  if (text !== undefined) return text
  throw invalid(field.whole.range, `Invalid field '${field.whole.text}' must be a key=value pair`)
}

function only({ key, whole }: MountField, type: MountType, allowed: readonly MountType[]): void {
  if (!allowed.includes(type)) throw invalid(whole.range, `Unexpected key '${key}' for mount type '${type}'`)
}

function refuse({ key, whole }: MountField, text: string): never {
  throw invalid(whole.range, `Invalid value for ${key}: ${JSON.stringify(text)}`)
}

function unknownKey({ key, whole }: MountField) {
  return invalid(whole.range, `Unexpected key '${key}' in '${whole.text}'`, didYouMean(findSuggestion(key, keys)))
}
