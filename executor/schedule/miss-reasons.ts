import { canonicalJson } from '../../core/canonical-json.ts'
import { digestOf, type Digest } from '../../core/digest.ts'
import type { Vertex } from '../../core/graph.ts'
import type { Op } from '../../core/ops.ts'
import type { SelectionDigest } from '../files/selection-digest.ts'
import type { Ingredients } from './records.ts'

/** As many changed files as a reader wants to see. */
const namedFiles = 5

/** What the step's key is made of. */
export function ingredientsOf(
  vertex: Vertex,
  key: Digest,
  inputs: Ingredients['inputs'],
  taken: ReadonlyMap<number, readonly SelectionDigest[]>,
): Ingredients {
  const files = [...taken.values()].flat().flatMap(({ ingredients }) => ingredients)
  return {
    key,
    fields: fieldsOf(vertex.op),
    variables: variablesOf(vertex.op),
    files: Object.fromEntries(files.map(({ path, content }) => [path, content])),
    inputs,
  }
}

function fieldsOf(op: Op): Readonly<Record<string, string>> {
  const { unkeyed: _, env: __, ...fields } = op as Op & { unkeyed?: unknown; env?: unknown }
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, digestOf(canonicalJson(value))]),
  )
}

function variablesOf(op: Op): Readonly<Record<string, string>> {
  if (op.type !== 'run') return {}
  return Object.fromEntries(op.env.map(({ name, value }) => [name, digestOf(value)]))
}

const fieldNames: Readonly<Record<string, string>> = {
  argv: 'the command changed',
  cwd: 'the working directory changed',
  user: 'the user changed',
  mounts: 'the mounts changed',
  secretVariables: 'the variables with secrets changed',
  devices: 'the devices changed',
  network: 'the network mode changed',
  security: 'the security mode changed',
  hostname: 'the host name changed',
  extraHosts: 'the added hosts changed',
  limits: 'the limits changed',
  actions: 'the instruction changed',
  digest: 'the image moved to another digest',
}

/** Why today's step is not the one that was done before, a phrase each; empty for a step that was never done before. */
export function missReasons(earlier: Ingredients | undefined, today: Ingredients): readonly string[] {
  if (earlier === undefined) return []
  if (earlier.key === today.key) return ['its result is no longer in the store']
  const reasons = [
    ...changedNames(earlier.fields, today.fields).map((name) => fieldNames[name] ?? `${name} changed`),
    ...changedNames(earlier.variables, today.variables).map(
      (name) => `variable ${name} ${howChanged(earlier.variables, today.variables, name)}`,
    ),
    ...changedFiles(earlier.files, today.files),
    ...changedInputs(earlier.inputs, today.inputs),
  ]
  return reasons.length === 0 ? ['its definition changed'] : reasons
}

function changedFiles(before: Ingredients['files'], after: Ingredients['files']): readonly string[] {
  const changed = changedNames(before, after)
  const named = changed.slice(0, namedFiles).map((path) => `${path || '.'} ${howChanged(before, after, path)}`)
  return changed.length > namedFiles ? [...named, `${changed.length - namedFiles} more files changed`] : named
}

function changedInputs(before: Ingredients['inputs'], after: Ingredients['inputs']): readonly string[] {
  return after.flatMap(({ name, key }, index) => {
    const earlier = before[index]
    if (earlier?.key === key) return []
    return [earlier === undefined ? `it now depends on ${name}` : `what it builds on changed: ${name}`]
  })
}

function changedNames(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .sort()
}

function howChanged(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  name: string,
): string {
  if (!Object.hasOwn(before, name)) return 'is new'
  return Object.hasOwn(after, name) ? 'changed' : 'is gone'
}
