export { openLease, type Lease } from './lease.ts'
export { lockKey, tryLockKey, type KeyLock, type LockMode } from './lock-key.ts'
export { reapStale } from './reap-stale.ts'
