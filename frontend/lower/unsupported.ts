import { BuildError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { RunInstruction } from '../instructions/types.ts'

export function unsupported(source: SourceRange, what: string): BuildError {
  return new BuildError('UNSUPPORTED', `${what} is not supported yet`, { source })
}

export function refuseDevices({ devices }: RunInstruction): void {
  const [device] = devices
  if (device !== undefined) throw unsupported(device.range, 'RUN --device')
}
