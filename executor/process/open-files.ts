/** How many files the process that started this one may have open. Node raises the limit for itself, and steps should not see that.
 *  `undefined` when it cannot be read. */
export async function openFilesOfCaller(): Promise<number | undefined> {
  const { findOpenFileLimit } = await import('../linux/index.ts')
  const soft = findOpenFileLimit(process.ppid)?.soft
  return soft === undefined || !Number.isFinite(soft) ? undefined : soft
}
