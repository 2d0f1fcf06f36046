import type { Dockerfile } from '../dockerfile.ts'
import { isProxyName } from './proxy.ts'

const predefined =
  /^(?:BUILDKIT_.*|SOURCE_DATE_EPOCH|(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE)$/

/** Build arguments that no ARG of the file declares, and that mean nothing by themselves. */
export function unusedBuildArgs(
  { globals, stages }: Dockerfile,
  buildArgs: ReadonlyMap<string, string>,
): readonly string[] {
  const instructions = [...globals, ...stages.flatMap((stage) => stage.instructions)]
  const declared = new Set(
    instructions.flatMap((instruction) =>
      instruction.kind === 'arg' ? instruction.entries.map(({ name }) => name) : [],
    ),
  )
  return [...buildArgs.keys()].filter((name) => !declared.has(name) && !predefined.test(name) && !isProxyName(name))
}
