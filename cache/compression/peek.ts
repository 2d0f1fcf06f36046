/** Takes the first bytes of a stream, and puts them back.
 *  @returns `first`: at least `count` bytes, fewer only if there are no more; `all`: the whole stream. Breaking off closes the source. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ readonly first: Buffer; readonly all: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  let takenBytes = 0
  while (takenBytes < count) {
    const next = await iterator.next()
    if (next.done === true) break
    chunks.push(next.value)
    takenBytes += next.value.byteLength
  }
  return { first: Buffer.concat(chunks), all: rejoin(chunks, iterator) }
}

async function* rejoin(chunks: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
