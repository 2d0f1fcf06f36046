import { release } from 'node:os'

/** Whether the running kernel calls itself this version or a later one. Distributions carry features back, so a feature's own
 *  refusal says more where it can be had. */
export function isKernelAtLeast(major: number, minor: number, text = release()): boolean {
  const [, foundMajor, foundMinor] = /^(\d+)\.(\d+)/.exec(text) ?? []
  const found = Number(foundMajor)
  return found > major || (found === major && Number(foundMinor) >= minor)
}
