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
      lowerArg(context, instruction)
      break
    case 'env':
      lowerEnv(context, instruction)
      break
    case 'label':
      lowerLabel(context, instruction)
      break
    case 'run':
      lowerRun(context, instruction, triggered)
      break
    case 'copy':
    case 'add':
      lowerCopy(context, instruction, triggered)
      break
    case 'workdir':
      lowerWorkdir(context, instruction, triggered)
      break
    case 'cmd':
    case 'entrypoint':
      lowerCommand(context, instruction)
      break
    case 'user':
      lowerUser(context, instruction)
      break
    case 'expose':
      lowerExpose(context, instruction)
      break
    case 'volume':
      lowerVolume(context, instruction)
      break
    case 'stopsignal':
      lowerStopSignal(context, instruction)
      break
    case 'shell':
      lowerShell(context, instruction)
      break
    case 'healthcheck':
      lowerHealthcheck(context, instruction)
      break
    case 'onbuild':
      lowerOnbuild(context, instruction)
      break
    case 'maintainer':
      lowerMaintainer(context, instruction)
      break
    default:
      instruction satisfies never
  }
}
