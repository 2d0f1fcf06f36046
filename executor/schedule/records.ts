import type { FactStore } from '../../cache/facts/index.ts'
import type { Digest } from '../../core/digest.ts'
import type { Tree } from '../../core/layer.ts'

/** What is remembered of a step that was carried out, under its definition key. */
export interface StepRecord {
  /** The whole tree that the step yielded. */
  readonly tree: Tree
  /** The trees it was given, one for each input; `null` stands for what comes from outside, whose part is in `selections`. */
  readonly inputTrees: readonly (Tree | null)[]
  /** Digest of what was taken from outside, by input. */
  readonly selections: Readonly<Record<string, Digest>>
}

/** What a step's key was made of, in a form that two builds' can be compared in. */
export interface Ingredients {
  readonly key: Digest
  /** The op's fields, each hashed or as it is. Values of variables are hashed: some are secret. */
  readonly fields: Readonly<Record<string, string>>
  /** Names of variables -> digest of the value. */
  readonly variables: Readonly<Record<string, string>>
  /** Path in a context -> what the copy keeps of it, for everything that was taken from there. */
  readonly files: Readonly<Record<string, string>>
  /** Name and definition key of each input. */
  readonly inputs: readonly { readonly name: string; readonly key: Digest }[]
}

/** Earlier steps of one kind that are worth comparing with. */
const rememberedAlike = 6

/** Results of steps, by key. */
export class Records {
  readonly #facts: FactStore
  /** What only helps later builds to find and to explain, and so need not be written while steps wait: kind and key -> value. */
  readonly #hints = new Map<string, { readonly kind: string; readonly key: string; readonly value: unknown }>()

  constructor(facts: FactStore) {
    this.#facts = facts
  }

  find(key: Digest): StepRecord | undefined {
    return this.#facts.find('record', hexOf(key)) as StepRecord | undefined
  }

  /** The record is there when this returns, whatever happens next.
   *  @param opKey hash of the op without its inputs. */
  put(key: Digest, opKey: Digest, record: StepRecord): void {
    this.#facts.put('record', hexOf(key), record)
    const alike = this.findAlike(opKey).filter((other) => other !== key)
    this.#hint('alike', hexOf(opKey), [key, ...alike].slice(0, rememberedAlike))
  }

  /** Definition keys of steps that had the same op, whatever their inputs; the latest first. */
  findAlike(opKey: Digest): readonly Digest[] {
    return (this.#findHint('alike', hexOf(opKey)) as readonly Digest[] | undefined) ?? []
  }

  findContentKey(key: Digest): Digest | undefined {
    return this.#findHint('content-key', hexOf(key)) as Digest | undefined
  }

  putContentKey(key: Digest, contentKey: Digest): void {
    this.#hint('content-key', hexOf(key), contentKey)
  }

  findIngredients(step: string): Ingredients | undefined {
    return this.#findHint('step', step) as Ingredients | undefined
  }

  putIngredients(step: string, ingredients: Ingredients): void {
    this.#hint('step', step, ingredients)
  }

  /** Writes what was put off. */
  flush(): void {
    for (const { kind, key, value } of this.#hints.values()) this.#facts.put(kind, key, value)
    this.#hints.clear()
  }

  #hint(kind: string, key: string, value: unknown): void {
    this.#hints.set(`${kind} ${key}`, { kind, key, value })
  }

  #findHint(kind: string, key: string): unknown {
    const hint = this.#hints.get(`${kind} ${key}`)
    return hint === undefined ? this.#facts.find(kind, key) : hint.value
  }
}

function hexOf(key: Digest): string {
  return key.slice('sha256:'.length)
}
