/** What the comments above a definition say of it: the first that begins with its name, without that.
 *  @see https://docs.docker.com/reference/cli/docker/buildx/build/#call-outline */
export function descriptionOf(name: string | undefined, comments: readonly string[]): string | undefined {
  if (name === undefined) return undefined
  return comments.find((comment) => comment.startsWith(`${name} `))?.slice(name.length + 1)
}
