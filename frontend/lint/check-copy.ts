import { cleanPath } from '../../core/patterns/clean-path.ts'
import { IgnoreMatcher } from '../../core/patterns/ignore-matcher.ts'
import type { CopyInstruction } from '../instructions/types.ts'
import type { Lint } from './lint.ts'

/** A source in the build context that the ignore file keeps out. With `!` patterns this cannot be told beforehand. */
export function checkCopiedPath(
  { lint, contextIgnore }: { readonly lint: Lint; readonly contextIgnore: readonly string[] },
  instruction: CopyInstruction,
  source: string,
): void {
  if (instruction.from !== undefined || contextIgnore.length === 0) return
  if (contextIgnore.some((pattern) => pattern.startsWith('!'))) return
  const path = cleanPath(source).replace(/^\/+/, '')
  const isRoot = path === '' || path === '.'
  const ignored = isRoot
    ? contextIgnore.some((pattern) => ['*', '**', '**/*'].includes(pattern))
    : new IgnoreMatcher(contextIgnore).ignores(path)
  if (!ignored) return
  const verb = instruction.kind === 'copy' ? 'Copy' : 'Add'
  const message = `Attempting to ${verb} file ${JSON.stringify(isRoot ? source : path)} that is excluded by .dockerignore`
  lint.report('CopyIgnoredFile', message, instruction)
}
