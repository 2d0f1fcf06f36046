import type { MountNeed, Outline } from '../../frontend/index.ts'
import { locationOf } from './findings-json.ts'
import { renderTable } from './render-table.ts'

/** What a target takes, as `docker buildx build --call=outline` prints it. */
export function renderOutline({ name, description, args, secrets, ssh }: Outline): string {
  const head = [
    ...(name === undefined && description === undefined ? [] : [['TARGET:', name ?? '(default)']]),
    ...(description === undefined ? [] : [['DESCRIPTION:', description]]),
  ]
  const values = args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? ''])
  const parts = [
    head.length === 0 ? '' : renderTable(head, 1),
    values.length === 0 ? '' : renderTable([['BUILD ARG', 'VALUE', 'DESCRIPTION'], ...values], 3),
    renderNeeds('SECRET', secrets),
    renderNeeds('SSH', ssh),
  ]
  return parts
    .filter((part) => part !== '')
    .map((part) => `${part}\n`)
    .join('')
}

function renderNeeds(title: string, needs: readonly MountNeed[]): string {
  if (needs.length === 0) return ''
  return renderTable([[title, 'REQUIRED'], ...needs.map(({ name, isRequired }) => [name, isRequired ? 'true' : ''])], 3)
}

/** With the names of members that `docker buildx build --call=outline,format=json` has. */
export function outlineJson({ name, description, args, secrets, ssh }: Outline): unknown {
  const needs = (list: readonly MountNeed[]) =>
    list.length === 0
      ? undefined
      : list.map((need) => ({
          name: need.name,
          required: need.isRequired || undefined,
          location: locationOf(need.source),
        }))
  return {
    name,
    description,
    args: args.map((arg) => ({
      name: arg.name,
      description: arg.description,
      value: arg.value,
      location: locationOf(arg.source),
    })),
    secrets: needs(secrets),
    ssh: needs(ssh),
  }
}
