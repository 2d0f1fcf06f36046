import type { StageContext } from './context.ts'
import { lowerCopy } from './lower-copy.ts'
import {
  lowerCommand,
  lowerExpose,
  lowerHealthcheck,
  lowerMaintainer,
  lowerOnbuild,
  lowerShell,
  lowerStopSignal,
  lowerUser,
  lowerVolume,
  lowerWorkdir,
} from './lower-metadata.ts'
import { lowerRun } from './lower-run.ts'
import { lowerArg, lowerEnv, lowerLabel } from './lower-variables.ts'
import type { Step } from './step.ts'

/** Carries one instruction over into the stage's state and the graph.
 *  @throws {BuildError} placed at what is wrong */
export function applyInstruction(context: StageContext, { instruction, triggered }: Step): void {
  switch (instruction.kind) {
    case 'arg':
      return lowerArg(context, instruction)
    case 'env':
      return lowerEnv(context, instruction)
    case 'label':
      return lowerLabel(context, instruction)
    case 'run':
      return lowerRun(context, instruction, triggered)
    case 'copy':
    case 'add':
      return lowerCopy(context, instruction, triggered)
    case 'workdir':
      return lowerWorkdir(context, instruction, triggered)
    case 'cmd':
    case 'entrypoint':
      return lowerCommand(context, instruction)
    case 'user':
      return lowerUser(context, instruction)
    case 'expose':
      return lowerExpose(context, instruction)
    case 'volume':
      return lowerVolume(context, instruction)
    case 'stopsignal':
      return lowerStopSignal(context, instruction)
    case 'shell':
      return lowerShell(context, instruction)
    case 'healthcheck':
      return lowerHealthcheck(context, instruction)
    case 'onbuild':
      return lowerOnbuild(context, instruction)
    case 'maintainer':
      return lowerMaintainer(context, instruction)
    default:
      return instruction satisfies never
  }
}
