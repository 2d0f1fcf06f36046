/** The order in which a tree is walked: a directory before what it holds, names by code unit. Negative: `a` comes first. */
export function comparePaths(a: string, b: string): number {
  const [names, others] = [a.split('/'), b.split('/')]
  for (const [index, name] of names.entries()) {
    const other = others[index]
    if (other === undefined) return 1
    if (name !== other) return name < other ? -1 : 1
  }
  return names.length - others.length
}
