import type { BuildEvent } from '../../core/events.ts'

/** One event a line, as JSON; output is base64. */
export function renderRawJson(event: BuildEvent): string {
  const data = event.type === 'vertex-output' ? { ...event, chunk: Buffer.from(event.chunk).toString('base64') } : event
  return `${JSON.stringify(data)}\n`
}
