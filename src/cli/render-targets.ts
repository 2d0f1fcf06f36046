import type { Target } from '../../frontend/index.ts'
import { locationOf } from './findings-json.ts'
import { renderTable } from './render-table.ts'

/** The stages, as `docker buildx build --call=targets` prints them. */
export function renderTargets(targets: readonly Target[]): string {
  const rows = targets.map(({ name, description, isDefault }) => {
    const mark = isDefault ? '(default)' : ''
    return [[name, mark].filter(Boolean).join(' '), description ?? '']
  })
  return renderTable([['TARGET', 'DESCRIPTION'], ...rows], 1)
}

/** With the names of members that `docker buildx build --call=targets,format=json` has. */
export function targetsJson(targets: readonly Target[]): unknown {
  return {
    targets: targets.map(({ name, description, isDefault, base, platform, source }) => ({
      name,
      default: isDefault || undefined,
      description,
      base,
      platform,
      location: locationOf(source),
    })),
  }
}
