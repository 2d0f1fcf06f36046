export { openFactStore, type FactStoreOptions } from './disk-facts.ts'
export type { Fact, FactStore } from './fact-store.ts'
