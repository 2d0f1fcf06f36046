import type { VertexId } from '../../core/graph.ts'
import type { Healthcheck, HistoryEntry, ImageConfig, ImageFile } from '../../core/image.ts'
import { cleanPath } from '../../core/patterns/clean-path.ts'
import type { SourceRange } from '../../core/source-range.ts'

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const historyComment = 'buildkit.dockerfile.v0'

/** What an instruction finds and leaves: tree, variables, and the image's config so far. Belongs to one stage, and is
 *  changed in place; a stage that starts with another gets a copy. */
export class StageState {
  tree: VertexId
  author: string | undefined
  user = ''
  workdir = '/'
  /** SHELL's; `undefined`: the default. */
  shell: readonly string[] | undefined
  entrypoint: readonly string[] | undefined
  cmd: readonly string[] | undefined
  /** A CMD of this stage's own; an inherited one goes when ENTRYPOINT comes. */
  hasOwnCmd = false
  /** A WORKDIR of this Dockerfile's. */
  hasOwnWorkdir = false
  /** The image that all starts with could not be looked at: there may be more variables than are known. */
  hasUnknownBase = false
  argsEscaped: boolean | undefined
  stopSignal: string | undefined
  healthcheck: Healthcheck | undefined
  triggers: string[] = []
  /** ENV: what goes into the image. */
  readonly environment = new Map<string, string>()
  /** ENV and ARG, whichever came last: what expansion and RUN see. */
  readonly variables = new Map<string, string>()
  /** ARGs in the order they first came, with their values at that time. */
  readonly args = new Map<string, string | undefined>()
  readonly labels = new Map<string, string>()
  readonly ports = new Set<string>()
  readonly volumes = new Set<string>()
  readonly history: HistoryEntry[] = []
  /** Where the instructions were that may come once. */
  readonly seen = new Map<string, { readonly range: SourceRange; readonly comments: readonly string[] }>()

  private constructor(tree: VertexId) {
    this.tree = tree
  }

  /** A stage that starts with an image, or with nothing. */
  static over(tree: VertexId, file: ImageFile | undefined, isUnknown = false): StageState {
    const state = new StageState(tree)
    state.hasUnknownBase = isUnknown
    const config = file?.config ?? {}
    state.author = file?.author
    state.user = config.User ?? ''
    state.workdir = cleanPath(`/${config.WorkingDir ?? ''}`)
    state.shell = nonEmpty(config.Shell)
    state.entrypoint = nonEmpty(config.Entrypoint)
    state.cmd = nonEmpty(config.Cmd)
    state.argsEscaped = config.ArgsEscaped
    state.stopSignal = config.StopSignal
    state.healthcheck = config.Healthcheck
    for (const entry of config.Env ?? []) state.environment.set(...splitVariable(entry))
    for (const [name, value] of Object.entries(config.Labels ?? {})) state.labels.set(name, value)
    for (const port of Object.keys(config.ExposedPorts ?? {})) state.ports.add(port)
    for (const path of Object.keys(config.Volumes ?? {})) state.volumes.add(path)
    state.history.push(...(file?.history ?? []))
    state.#settle()
    return state
  }

  /** A stage that starts with this one. Its triggers stay behind. */
  inherit(): StageState {
    const child = new StageState(this.tree)
    child.author = this.author
    child.user = this.user
    child.workdir = this.workdir
    child.shell = this.shell
    child.entrypoint = this.entrypoint
    child.cmd = this.cmd
    child.hasOwnWorkdir = this.hasOwnWorkdir
    child.hasUnknownBase = this.hasUnknownBase
    child.argsEscaped = this.argsEscaped
    child.stopSignal = this.stopSignal
    child.healthcheck = this.healthcheck
    copyEntries(this.environment, child.environment)
    copyEntries(this.variables, child.variables)
    copyEntries(this.args, child.args)
    copyEntries(this.labels, child.labels)
    for (const port of this.ports) child.ports.add(port)
    for (const path of this.volumes) child.volumes.add(path)
    child.history.push(...this.history)
    child.#settle()
    return child
  }

  setVariable(name: string, value: string): void {
    this.variables.set(name, value)
  }

  setEnvironment(name: string, value: string): void {
    this.environment.set(name, value)
    this.variables.set(name, value)
  }

  /** An entry for an instruction that makes no layer. */
  recordEmpty(createdBy: string): void {
    this.history.push({ created_by: createdBy, comment: historyComment, empty_layer: true })
  }

  /** An entry for an instruction that makes a layer. */
  recordLayer(createdBy: string): void {
    this.history.push({ created_by: createdBy, comment: historyComment })
  }

  /** Gives the entries of this Dockerfile a time. */
  dateHistory(created: string): void {
    for (const [index, entry] of this.history.entries()) {
      if (entry.comment === historyComment && entry.created === undefined) this.history[index] = { ...entry, created }
    }
  }

  config(): ImageConfig {
    return {
      User: this.user === '' ? undefined : this.user,
      ExposedPorts: recordOf(this.ports),
      Env: [...this.environment].map(([name, value]) => `${name}=${value}`),
      Entrypoint: this.entrypoint,
      Cmd: this.cmd,
      Healthcheck: this.healthcheck,
      ArgsEscaped: this.argsEscaped,
      Volumes: recordOf(this.volumes),
      WorkingDir: this.workdir,
      OnBuild: nonEmpty(this.triggers),
      Labels: this.labels.size === 0 ? undefined : Object.fromEntries(this.labels),
      StopSignal: this.stopSignal,
      Shell: this.shell,
    }
  }

  /** At the beginning of a stage the image's environment counts again, over ARGs of the same names; and there is a PATH. */
  #settle(): void {
    if (!this.environment.has('PATH')) this.environment.set('PATH', defaultPath)
    copyEntries(this.environment, this.variables)
  }
}

export function nonEmpty<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list
}

function splitVariable(entry: string): [name: string, value: string] {
  const equals = entry.indexOf('=')
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
}

function copyEntries<V>(from: ReadonlyMap<string, V>, to: Map<string, V>): void {
  for (const [name, value] of from) to.set(name, value)
}

function recordOf(names: ReadonlySet<string>): Readonly<Record<string, Record<string, never>>> | undefined {
  return names.size === 0 ? undefined : Object.fromEntries([...names].map((name) => [name, {}]))
}
