/** What changed more recently may change again within the resolution of its times. */
const racyNs = 2_000_000_000n

/** Whether a further change of what last changed at `ctimeNs` would show in its times. */
export function hasSettled(ctimeNs: bigint, nowNs: bigint): boolean {
  return nowNs - ctimeNs > racyNs
}
