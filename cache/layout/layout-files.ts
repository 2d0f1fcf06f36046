/** The files of an image on disk: a folder, or the members of an archive. Names are paths below its root, such as `index.json`. */
export interface LayoutFiles extends AsyncDisposable {
  /** What it is to people: its path. */
  readonly path: string
  /** `undefined` means absent.
   *  @throws {BuildError} `IMAGE_INVALID` for what is no plain file, or leads out of the layout */
  find(name: string): Promise<LayoutFile | undefined>
}

export interface LayoutFile {
  readonly sizeBytes: number
  /** The content, unverified. */
  read(): AsyncIterable<Uint8Array>
}
