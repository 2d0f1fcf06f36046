import type { HistoryEntry } from '../../core/image.ts'
import type { Tree } from '../../core/layer.ts'

export interface DatedHistory {
  readonly history: readonly HistoryEntry[]
  /** When the newest part of the image was made; `undefined` for an image that nothing was done for. */
  readonly created: Date | undefined
}

/** Gives each entry the time when its layer was made; one without a layer takes a neighbour's. A cached build says the same as the build that
 *  filled the cache, so that its image is the same. */
export function dateHistory(history: readonly HistoryEntry[], tree: Tree): DatedHistory {
  const layers = [...tree]
  const known = history.map((entry) => {
    const layer = entry.empty_layer === true ? undefined : layers.shift()
    return entry.created ?? (layer?.kind === 'step' ? new Date(layer.createdAtMs).toISOString() : undefined)
  })
  let last = known.find((time) => time !== undefined)
  const dated = history.map((entry, index) => {
    last = known[index] ?? last
    return { ...entry, created: last }
  })
  return { history: dated, created: last === undefined ? undefined : new Date(last) }
}
