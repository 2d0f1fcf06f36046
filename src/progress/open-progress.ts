import type { BuildEvent } from '../../core/events.ts'
import { PlainProgress } from './plain.ts'
import { renderRawJson } from './rawjson.ts'

/** What to show of each event; empty text for nothing. */
export function openProgress(kind: 'auto' | 'plain' | 'quiet' | 'rawjson'): (event: BuildEvent) => string {
  switch (kind) {
    case 'quiet':
      return () => ''
    case 'rawjson':
      return renderRawJson
    case 'auto':
    case 'plain': {
      const plain = new PlainProgress()
      return (event) => plain.render(event)
    }
    default:
      return kind satisfies never
  }
}
