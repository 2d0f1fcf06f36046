/** Bytes at hand, for those who take a stream. */
// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
export async function* asStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
