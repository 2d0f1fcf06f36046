/** A tree that one process may write to, and what it changed. */
export interface ActiveRoot extends AsyncDisposable {
  /** Absolute path of the whole tree. */
  readonly path: string
  /** Ends the writing. Resolves to the directory that holds just the changes, in overlayfs's form; the caller moves it to its place. */
  freeze(): Promise<string>
}
