/** Nobody misspells longer ones; and they would take long to compare. */
const longestWord = 100

/** What the user may have meant: the option at most two edits away, the nearest first, and of equals the one that is
 *  listed first. `undefined`: nothing is near, or the word is itself an option. Case does not count. */
export function findSuggestion(word: string, options: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined
  const wanted = word.toLowerCase()
  let best: string | undefined
  let bestDistance = 3
  for (const option of options) {
    if (Math.abs(option.length - word.length) >= bestDistance) continue
    const distance = editDistance(wanted, option.toLowerCase())
    if (distance === 0) return undefined
    if (distance < bestDistance) {
      best = option
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's: insertions, deletions and replacements. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[to.length] ?? 0
}
