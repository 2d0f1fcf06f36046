/** Small JSON values that outlive a build, found by kind and key. Safe to share between processes: a reader sees a value
 *  whole or not at all, and of two writers the later one wins. Every call is synchronous, since a build that finds all of its steps
 *  done does little else than `find`. */
export interface FactStore {
  /** `undefined` means absent. A damaged fact is absent too: facts can always be found out again. */
  find(kind: string, key: string): unknown
  /** Replaces what is there. `value` must survive JSON. Outlives a killed process; a power cut may lose it, but never half of it.
   *  @throws {BuildError} `DISK_FULL` */
  put(kind: string, key: string, value: unknown): void
  /** Idempotent: returning means "absent". */
  delete(kind: string, key: string): void
  /** In no particular order. What other processes put meanwhile may or may not be among them. */
  list(kind: string): readonly Fact[]
}

export interface Fact {
  readonly key: string
  readonly value: unknown
  /** Milliseconds since 1970 of the last `put`. */
  readonly putAtMs: number
}
