export { checkOut, type CheckOut } from './check-out.ts'
export { fetchIntoMirror } from './mirror.ts'
export type { Repository } from './repository.ts'
export { resolveReference, type ResolvedReference } from './resolve-reference.ts'
