export { openLease, type Lease } from './lease.ts'
export { lockKey, type KeyLock } from './lock-key.ts'
export { reapStale } from './reap-stale.ts'
