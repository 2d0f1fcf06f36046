/** A part of an automaton that reads characters. */
export type AutomatonStep =
  /** One character. */
  | { readonly kind: 'one'; readonly takes: (character: string) => boolean }
  /** Any number of characters, none included. */
  | { readonly kind: 'many'; readonly takes: (character: string) => boolean }
  /** The next `count` steps may be left out. */
  | { readonly kind: 'maybe'; readonly count: number }

/** Moves and states that are remembered at most; then it begins anew. A hostile pattern has very many. */
const mostRemembered = 100_000

/** Tells whether its steps read all of a text. Takes time as text times steps, however the steps overlap: a regular expression that
 *  somebody else thought out may try for ever. Where it goes from where is remembered, so that like texts take time as their length. */
export class Automaton {
  readonly #steps: readonly AutomatonStep[]
  readonly #places = new Map<string, Place>()
  #remembered = 0

  constructor(steps: readonly AutomatonStep[]) {
    this.#steps = steps
  }

  accepts(text: string): boolean {
    let place = this.#start()
    for (const character of text) {
      place = place.next.get(character) ?? this.#move(place, character)
      if (place.states.size === 0) return false
    }
    return place.states.has(this.#steps.length)
  }

  #start(): Place {
    const known = this.#places.get('')
    if (known !== undefined) return known
    const start = { states: this.#closure([0]), next: new Map<string, Place>() }
    this.#places.set('', start)
    return start
  }

  #move(from: Place, character: string): Place {
    const entered: number[] = []
    for (const state of from.states) {
      const step = this.#steps[state]
      if (step === undefined || step.kind === 'maybe' || !step.takes(character)) continue
      entered.push(step.kind === 'one' ? state + 1 : state)
    }
    const states = this.#closure(entered)
    this.#remembered += 1 + states.size
    if (this.#remembered > mostRemembered) {
      this.#places.clear()
      this.#remembered = 0
    }
    const name = `${[...states].sort((a, b) => a - b).join()};`
    const place = this.#places.get(name) ?? { states, next: new Map<string, Place>() }
    this.#places.set(name, place)
    from.next.set(character, place)
    return place
  }

  /** The states, and those that can be reached from them without reading. */
  #closure(entered: readonly number[]): ReadonlySet<number> {
    const states = new Set<number>()
    const open = [...entered]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (states.has(state)) continue
      states.add(state)
      const step = this.#steps[state]
      if (step === undefined || step.kind === 'one') continue
      open.push(state + 1)
      if (step.kind === 'maybe') open.push(state + 1 + step.count)
    }
    return states
  }
}

/** Where reading may have come to: all states at once, and where each character led from there. */
interface Place {
  readonly states: ReadonlySet<number>
  readonly next: Map<string, Place>
}
