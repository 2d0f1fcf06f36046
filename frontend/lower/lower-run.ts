import type { VertexId } from '../../core/graph.ts'
import type { EnvEntry, Mount } from '../../core/ops.ts'
import { findHeredocToken, heredocText } from '../parser/heredoc.ts'
import type { RunInstruction } from '../instructions/types.ts'
import { trimSpace } from '../parser/white-space.ts'
import type { StageContext } from './context.ts'
import { checkEntitlements } from './entitlements.ts'
import { shownText } from './expand.ts'
import { lowerMounts } from './lower-mounts.ts'
import { proxyVariables } from './proxy.ts'
import { withShell } from './shell.ts'

/** @see https://docs.docker.com/reference/dockerfile/#run */
export function lowerRun(context: StageContext, instruction: RunInstruction, triggered: boolean): void {
  const { state, graph, names, options, ignoreCache } = context
  checkEntitlements(instruction, options)
  const { argv, files, summary, script } = commandOf(context, instruction)
  const inputs: VertexId[] = [state.tree]
  const { mounts, secretVariables } = lowerMounts(context, instruction, inputs)
  const env = [...state.variables].map(([name, value]): EnvEntry => ({ name, value }))
  const agent = mounts.find(({ kind }) => kind === 'ssh')
  if (agent !== undefined && !state.variables.has('SSH_AUTH_SOCK'))
    env.push({ name: 'SSH_AUTH_SOCK', value: agent.target })
  const shown = shownText(context, instruction, { quotes: 'keep', unset: 'keep' })
  state.recordLayer(`RUN ${[...argsPrefix(context), ...argv].join(' ')}${script} # buildkit`)
  state.tree = graph.add(
    {
      type: 'run',
      argv,
      env,
      cwd: state.workdir,
      platform: context.stage.platform,
      user: state.user,
      mounts: [...files, ...mounts],
      secretVariables,
      devices: instruction.devices.map(({ name, required }) => ({ name, required })),
      network: instruction.network === 'default' ? options.network : instruction.network,
      security: instruction.security,
      hostname: options.buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') || 'buildkitsandbox',
      extraHosts: options.extraHosts.map(({ host }) => host),
      limits: options.limits,
      unkeyed: {
        proxyEnv: proxyVariables(options.buildArgs).filter(({ name }) => !state.variables.has(name)),
        extraHostAddresses: options.extraHosts.map(({ address }) => address),
        cacheNamespace: options.buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '',
      },
    },
    inputs,
    { ...names.next('RUN', shown + summary, triggered), source: instruction.range, ignoreCache },
  )
}

interface Command {
  readonly argv: readonly string[]
  readonly files: readonly Mount[]
  /** Of the script that the line does not show. */
  readonly summary: string
  /** The heredoc that `argv` runs as a file: BuildKit's history loses it. */
  readonly script: string
}

/** A heredoc that is the whole line is the script: run by its interpreter with `#!`, else by the shell. One within a
 *  longer line is the shell's to read.
 *  @see https://docs.docker.com/reference/dockerfile/#here-documents */
function commandOf({ state }: StageContext, { command, heredocs }: RunInstruction): Command {
  if (command.form === 'exec') return { argv: command.argv, files: [], summary: '', script: '' }
  const [first] = heredocs
  if (first === undefined) return { argv: withShell(state, command.text), files: [], summary: '', script: '' }
  if (findHeredocToken(command.text) === undefined) {
    const bodies = heredocs.map(({ name, body }) => `\n${body.text}${name}`)
    return { argv: withShell(state, command.text + bodies.join('')), files: [], summary: '', script: '' }
  }
  const script = heredocText(first).text
  const summary = ` (${summarise(first.body.text)})`
  if (!script.startsWith('#!')) return { argv: withShell(state, script), files: [], summary, script: '' }
  const target = `/dev/pipes/${first.name}`
  const file: Mount = { kind: 'file', target, content: script, mode: 0o755 }
  return { argv: withShell(state, target), files: [file], summary, script: ` <<${first.name}\n${script}${first.name}` }
}

function summarise(script: string): string {
  const [first = '', ...more] = trimSpace(script).split(/\r?\n/)
  return more.length === 0 ? first : `${first}...`
}

/** `|2 A=1 B=2`, if ARGs are in scope. */
function argsPrefix({ state }: StageContext): readonly string[] {
  if (state.args.size === 0) return []
  const entries = [...state.args].map(([name, value]) => `${name}=${state.variables.get(name) ?? value ?? ''}`)
  return [`|${entries.length}`, ...entries]
}
