import { cleanPath } from '../../core/patterns/clean-path.ts'
import type { Healthcheck } from '../../core/image.ts'
import { formatDuration } from '../instructions/durations.ts'
import { invalid } from '../instructions/invalid.ts'
import type {
  CommandInstruction,
  ExposeInstruction,
  HealthcheckInstruction,
  MaintainerInstruction,
  OnbuildInstruction,
  ShellInstruction,
  StopSignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from '../instructions/types.ts'
import { checkCommandForm, checkOnce, checkPort, checkWorkdir } from '../lint/check-instruction.ts'
import type { StageContext } from './context.ts'
import { expandIn, shownText } from './expand.ts'
import { plainList, quoteList } from './go-format.ts'
import { parseOwner } from './owners.ts'
import { readPortSpec } from './ports.ts'
import { withShell } from './shell.ts'
import { isSignal } from './signals.ts'
import { nonEmpty } from './stage-state.ts'

/** @see https://docs.docker.com/reference/dockerfile/#cmd */
export function lowerCommand({ state, lint }: StageContext, instruction: CommandInstruction): void {
  checkOnce(lint, state.seen, instruction)
  checkCommandForm(lint, instruction, state.shell)
  const { kind, command } = instruction
  const argv = command.form === 'exec' ? command.argv : withShell(state, command.text)
  if (kind === 'cmd') {
    state.cmd = nonEmpty(argv)
    state.hasOwnCmd = true
    state.argsEscaped = true
  } else {
    state.entrypoint = nonEmpty(argv)
    if (!state.hasOwnCmd) state.cmd = undefined
  }
  state.recordEmpty(`${kind.toUpperCase()} ${quoteList(argv)}`)
}

/** Makes the directory, owned by USER, unless it is the root.
 *  @see https://docs.docker.com/reference/dockerfile/#workdir */
export function lowerWorkdir(context: StageContext, instruction: WorkdirInstruction, triggered: boolean): void {
  const { state, graph, names, lint, ignoreCache, epochSeconds } = context
  const path = expandIn(context, instruction, instruction.path).text
  checkWorkdir(lint, instruction, path, state.hasOwnWorkdir)
  state.hasOwnWorkdir = true
  state.workdir = cleanPath(path.startsWith('/') ? path : `${state.workdir}/${path}`)
  if (state.workdir === '/') {
    state.recordEmpty('WORKDIR /')
    return
  }
  state.tree = graph.add(
    {
      type: 'files',
      actions: [
        {
          action: 'make-directory',
          path: state.workdir,
          mode: 0o755,
          owner: state.user === '' ? undefined : parseOwner(state.user),
          unknownOwner: 'root',
          mtimeSeconds: epochSeconds,
        },
      ],
    },
    [state.tree],
    {
      ...names.next('WORKDIR', shownText(context, instruction), triggered),
      source: instruction.range,
      ignoreCache,
    },
  )
  state.recordLayer(`WORKDIR ${state.workdir}`)
}

/** @see https://docs.docker.com/reference/dockerfile/#user */
export function lowerUser(context: StageContext, instruction: UserInstruction): void {
  const { state } = context
  state.user = expandIn(context, instruction, instruction.user).text
  state.recordEmpty(`USER ${state.user}`)
}

/** All there are, of all protocols: more is only repetition. */
const mostPorts = 3 * 65_536

/** @see https://docs.docker.com/reference/dockerfile/#expose */
export function lowerExpose(context: StageContext, instruction: ExposeInstruction): void {
  const { state, lint } = context
  const words = [...instruction.ports].sort((a, b) => (a.text < b.text ? -1 : 1))
  const shown: string[] = []
  for (const word of words) {
    for (const text of expandIn(context, instruction, word).words) {
      const result = readPortSpec(text)
      if (result.kind === 'invalid') {
        const hint = 'A port is such as 80, 80/udp or 8000-8010.'
        throw invalid(word.range, `Cannot expose ${JSON.stringify(text)}: ${result.why}`, hint)
      }
      checkPort(lint, instruction, text, result.spec)
      for (const port of result.spec.ports) shown.push(port)
      if (shown.length > mostPorts) throw invalid(word.range, `EXPOSE cannot list more than ${mostPorts} ports`)
    }
  }
  for (const port of shown) state.ports.add(port)
  state.recordEmpty(`EXPOSE ${plainList(shown)}`)
}

/** @see https://docs.docker.com/reference/dockerfile/#volume */
export function lowerVolume(context: StageContext, instruction: VolumeInstruction): void {
  const { state } = context
  const paths = instruction.paths.map((word) => {
    const path = expandIn(context, instruction, word).text
    if (path === '') throw invalid(word.range, 'VOLUME specified can not be an empty string')
    return path
  })
  for (const path of paths) state.volumes.add(path)
  state.recordEmpty(`VOLUME ${plainList(paths)}`)
}

/** @see https://docs.docker.com/reference/dockerfile/#stopsignal */
export function lowerStopSignal(context: StageContext, instruction: StopSignalInstruction): void {
  const { state } = context
  const signal = expandIn(context, instruction, instruction.signal).text
  if (!isSignal(signal)) {
    throw invalid(
      instruction.signal.range,
      `Invalid signal: ${JSON.stringify(signal)}`,
      'A signal is such as SIGTERM, INT or 9.',
    )
  }
  state.stopSignal = signal
  state.recordEmpty(`STOPSIGNAL ${signal}`)
}

/** @see https://docs.docker.com/reference/dockerfile/#shell */
export function lowerShell({ state }: StageContext, { argv }: ShellInstruction): void {
  state.shell = argv
  state.recordEmpty(`SHELL ${plainList(argv)}`)
}

/** @see https://docs.docker.com/reference/dockerfile/#healthcheck */
export function lowerHealthcheck({ state, lint }: StageContext, instruction: HealthcheckInstruction): void {
  checkOnce(lint, state.seen, instruction)
  state.healthcheck = instruction.healthcheck
  state.recordEmpty(`HEALTHCHECK ${formatHealthcheck(instruction.healthcheck)}`)
}

/** As Go prints the structure. */
function formatHealthcheck(check: Healthcheck): string {
  const durations = (['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const).map(
    (name) => `${name}:${formatDuration(check[name] ?? 0)}`,
  )
  return `{Test:${plainList(check.Test ?? [])} ${durations.join(' ')} Retries:${check.Retries ?? 0}}`
}

/** Kept for the stages and images that start with this one.
 *  @see https://docs.docker.com/reference/dockerfile/#onbuild */
export function lowerOnbuild({ state }: StageContext, { trigger }: OnbuildInstruction): void {
  state.triggers.push(trigger)
}

/** @see https://docs.docker.com/reference/dockerfile/#maintainer-deprecated */
export function lowerMaintainer({ state, lint }: StageContext, instruction: MaintainerInstruction): void {
  const message = 'Maintainer instruction is deprecated in favor of using label'
  lint.report('MaintainerDeprecated', message, instruction)
  state.author = instruction.name
  state.recordEmpty(`MAINTAINER ${instruction.name}`)
}
