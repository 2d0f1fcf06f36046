/** What a file from the URL is called: the last part of its path, `__unnamed__` when there is none. `undefined`: it is nothing that a file can be called. */
export function findUrlFileName(url: string): string | undefined {
  const path = decode(new URL(url).pathname)
  const name = path.split('/').findLast((part) => part !== '') ?? ''
  if (name.includes('\0')) return undefined
  return name === '' || name === '.' || name === '..' ? '__unnamed__' : name
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path // a percent sign that encodes nothing stands for itself
  }
}
