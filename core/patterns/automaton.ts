/** A part of an automaton that reads characters. */
export type AutomatonStep =
  /** One character. */
  | { readonly kind: 'one'; readonly takes: (character: string) => boolean }
  /** Any number of characters, none included. */
  | { readonly kind: 'many'; readonly takes: (character: string) => boolean }
  /** The next `count` steps may be left out. */
  | { readonly kind: 'maybe'; readonly count: number }

/** Whether the steps read all of the text. Takes time as text times steps, however the steps overlap: a regular expression that
 *  somebody else thought out may try for ever. */
export function accepts(steps: readonly AutomatonStep[], text: string): boolean {
  let states = new Set<number>()
  enter(steps, 0, states)
  for (const character of text) {
    const next = new Set<number>()
    for (const state of states) {
      const step = steps[state]
      if (step === undefined || step.kind === 'maybe' || !step.takes(character)) continue
      enter(steps, step.kind === 'one' ? state + 1 : state, next)
    }
    if (next.size === 0) return false
    states = next
  }
  return states.has(steps.length)
}

/** The state, and those that can be reached from it without reading. */
function enter(steps: readonly AutomatonStep[], state: number, states: Set<number>): void {
  if (states.has(state)) return
  states.add(state)
  const step = steps[state]
  if (step === undefined || step.kind === 'one') return
  enter(steps, state + 1, states)
  if (step.kind === 'maybe') enter(steps, state + 1 + step.count, states)
}
