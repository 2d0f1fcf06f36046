/** The shortest equal path: no `.`, no doubled or trailing `/`, `..` resolved by its text where it can be; `.` for nothing.
 *  A rooted path never climbs above its root.
 *  @see https://pkg.go.dev/path#Clean */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/')
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') kept.push(part)
    else if (kept.length > 0 && kept[kept.length - 1] !== '..') kept.pop()
    else if (!rooted) kept.push('..')
  }
  const joined = kept.join('/')
  if (rooted) return `/${joined}`
  return joined === '' ? '.' : joined
}

/** The path below the root `/`, whatever it says: `../a` is `/a`. */
export function rootedPath(path: string): string {
  return cleanPath(`/${path}`)
}
