/** What a command may touch of the process that it runs in. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly architecture: string
  readonly uid: number
  readonly signal: AbortSignal
}
