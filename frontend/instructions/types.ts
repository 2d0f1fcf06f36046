import type { Healthcheck } from '../../core/image.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { Heredoc } from '../parser/heredoc.ts'
import type { PlacedText } from '../parser/placed-text.ts'

/** An instruction with flags and forms understood. Variables are still as written. */
export type Instruction =
  | FromInstruction
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | RunInstruction
  | CommandInstruction
  | CopyInstruction
  | WorkdirInstruction
  | UserInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopSignalInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | OnbuildInstruction
  | MaintainerInstruction

/** What may stand in a stage. */
export type StageInstruction = Exclude<Instruction, FromInstruction>

interface Written {
  /** The first word, as written. */
  readonly keyword: string
  /** The instruction in one line, without the white space around: what progress shows. */
  readonly text: string
  readonly range: SourceRange
  readonly comments: readonly string[]
}

export interface FromInstruction extends Written {
  readonly kind: 'from'
  readonly base: PlacedText
  readonly platform: PlacedText | undefined
  /** Lower case. */
  readonly name: string | undefined
  /** `AS` and the name, as written. */
  readonly as: { readonly keyword: PlacedText; readonly name: PlacedText } | undefined
}

export interface ArgInstruction extends Written {
  readonly kind: 'arg'
  readonly entries: readonly ArgEntry[]
}

export interface ArgEntry {
  readonly name: string
  readonly fallback: PlacedText | undefined
  readonly range: SourceRange
}

export interface EnvInstruction extends Written {
  readonly kind: 'env'
  readonly entries: readonly KeyValue[]
  /** `ENV key value`, without `=`. */
  readonly legacy: boolean
}

export interface LabelInstruction extends Written {
  readonly kind: 'label'
  readonly entries: readonly KeyValue[]
  /** `LABEL key value`, without `=`. */
  readonly legacy: boolean
}

export interface KeyValue {
  readonly key: PlacedText
  readonly value: PlacedText
}

/** A command: words for the kernel, or text for a shell. */
export type CommandForm =
  { readonly form: 'exec'; readonly argv: readonly string[] } | { readonly form: 'shell'; readonly text: string }

/** One `--device`. */
export interface DeviceRequest {
  /** As the Container Device Interface has them: `vendor.com/class=device`, `=*` for all of a class. */
  readonly name: string
  readonly required: boolean
  readonly range: SourceRange
}

export interface RunInstruction extends Written {
  readonly kind: 'run'
  readonly command: CommandForm
  readonly heredocs: readonly Heredoc[]
  /** Values of `--mount`. */
  readonly mounts: readonly PlacedText[]
  readonly devices: readonly DeviceRequest[]
  readonly network: 'default' | 'none' | 'host'
  readonly security: 'sandbox' | 'insecure'
}

export interface CommandInstruction extends Written {
  readonly kind: 'cmd' | 'entrypoint'
  readonly command: CommandForm
}

/** COPY and ADD. */
export interface CopyInstruction extends Written {
  readonly kind: 'copy' | 'add'
  readonly sources: readonly PlacedText[]
  readonly documents: readonly Heredoc[]
  readonly destination: PlacedText
  readonly from: PlacedText | undefined
  readonly chown: PlacedText | undefined
  readonly chmod: PlacedText | undefined
  readonly checksum: PlacedText | undefined
  readonly excludes: readonly PlacedText[]
  readonly link: boolean
  readonly parents: boolean
  /** `undefined`: local archives are, others are not. */
  readonly unpack: boolean | undefined
  readonly keepGitDirectory: boolean | undefined
}

export interface WorkdirInstruction extends Written {
  readonly kind: 'workdir'
  readonly path: PlacedText
}

export interface UserInstruction extends Written {
  readonly kind: 'user'
  readonly user: PlacedText
}

export interface ExposeInstruction extends Written {
  readonly kind: 'expose'
  readonly ports: readonly PlacedText[]
}

export interface VolumeInstruction extends Written {
  readonly kind: 'volume'
  readonly paths: readonly PlacedText[]
}

export interface StopSignalInstruction extends Written {
  readonly kind: 'stopsignal'
  readonly signal: PlacedText
}

export interface ShellInstruction extends Written {
  readonly kind: 'shell'
  readonly argv: readonly string[]
}

export interface HealthcheckInstruction extends Written {
  readonly kind: 'healthcheck'
  readonly healthcheck: Healthcheck
}

export interface OnbuildInstruction extends Written {
  readonly kind: 'onbuild'
  /** Another instruction, with its heredocs: a Dockerfile of its own. */
  readonly trigger: string
}

export interface MaintainerInstruction extends Written {
  readonly kind: 'maintainer'
  readonly name: string
}
