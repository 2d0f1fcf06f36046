import type { StageState } from './stage-state.ts'

/** A line for the shell: SHELL's words with the line behind them. */
export function withShell({ shell }: StageState, line: string): readonly string[] {
  return [...(shell ?? ['/bin/sh', '-c']), line]
}
