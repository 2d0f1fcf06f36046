/** The text with the credentials of every URL in it crossed out. A user name alone is one only where it may be a token: `ssh://git@…` stays. */
export function redactCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*):\/\/([^\s/?#"'<>]*)@/gi, (whole, scheme: string, user: string) => {
    if (user.includes(':')) return `${scheme}://xxxxx:xxxxx@`
    return /^https?$/i.test(scheme) ? `${scheme}://xxxxx@` : whole
  })
}

/** As `redactCredentials()`, without a change of any length: for text that is pointed at by its columns. */
export function maskCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^\s/?#"'<>]*)@/gi, (whole, scheme: string, user: string) =>
    redactCredentials(whole) === whole ? whole : `${scheme}${user.replace(/[^:]/g, 'x')}@`,
  )
}

/** A URL apart from the credentials in it, which are decoded. */
export interface SplitUrl {
  readonly url: URL
  readonly credentials: { readonly user: string; readonly password: string } | undefined
}

export function splitCredentials(url: URL): SplitUrl {
  if (url.username === '' && url.password === '') return { url, credentials: undefined }
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return { url: bare, credentials: { user: decode(url.username), password: decode(url.password) } }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a percent sign that encodes nothing stands for itself
  }
}
