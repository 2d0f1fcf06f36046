import { resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { OutputRequest, OutputType } from './request.ts'
import { fullName } from './full-name.ts'
import { resolveLayerFormat, usualFormat, type LayerFormat } from './layer-format.ts'

/** Where a result goes. Files and folders are absolute; `stdout` is the process's standard output. */
export type Output =
  | (ImageOutput & { readonly type: 'image'; readonly push: boolean })
  | (ImageOutput & { readonly type: 'oci' | 'docker'; readonly to: ArchiveTarget })
  | { readonly type: 'local'; readonly folder: string }
  | { readonly type: 'tar'; readonly to: FileTarget }

interface ImageOutput {
  readonly names: readonly string[]
  readonly layers: LayerFormat
}

export type FileTarget = { readonly kind: 'stdout' } | { readonly kind: 'file'; readonly path: string }
export type ArchiveTarget = FileTarget | { readonly kind: 'folder'; readonly path: string }

const types: readonly OutputType[] = ['image', 'registry', 'oci', 'docker', 'local', 'tar']

/** @param tags names in full, for outputs that give none of their own.
 *  @param platforms how many are built
 *  @throws {BuildError} `OPTION_INVALID`, `REFERENCE_INVALID` */
export function resolveOutputs(
  requests: readonly OutputRequest[],
  tags: readonly string[],
  platforms = 1,
): readonly Output[] {
  if (requests.length === 0) return [{ type: 'image', names: tags, layers: usualFormat, push: false }]
  const outputs = requests.map((request) => resolveOutput(request, tags))
  if (platforms > 1 && outputs.some(({ type }) => type === 'docker'))
    throw invalid('An output of type docker holds one platform; for several, type=oci holds them all')
  if (outputs.filter(goesToStdout).length > 1) throw invalid('Only one output can go to standard output')
  return outputs
}

/** Whether the output's bytes take the place of the image's digest on standard output. */
export function goesToStdout(output: Output): boolean {
  return 'to' in output && output.to.kind === 'stdout'
}

function resolveOutput(request: OutputRequest, tags: readonly string[]): Output {
  const { type, dest, push = false, tar = true } = request
  if (!types.includes(type))
    throw invalid(`An output's type must be one of ${types.join(', ')}; got ${JSON.stringify(type)}`)
  const names = request.name === undefined ? tags : request.name.map(fullName)
  const layers = resolveLayerFormat(request)
  if (layers !== usualFormat && (type === 'local' || type === 'tar'))
    throw invalid(`An output of type ${type} has no layers that could be compressed`)
  switch (type) {
    case 'image':
    case 'registry': {
      if (dest !== undefined) throw invalid(`An output of type ${type} takes no "dest"`)
      const pushes = push || type === 'registry'
      if (pushes && names.length === 0) throw invalid('Cannot push an image without a name: give one with --tag')
      return { type: 'image', names, layers, push: pushes }
    }
    case 'oci':
    case 'docker':
      return { type, names, layers, to: tar ? fileTarget(type, dest) : folderTarget(type, dest) }
    case 'local':
      if (dest === undefined || dest === '' || dest === '-')
        throw invalid('An output of type local needs a folder as "dest"')
      if (resolve(dest) === '/') throw overTheMachine()
      return { type, folder: resolve(dest) }
    case 'tar':
      return { type, to: fileTarget(type, dest) }
    default:
      return type satisfies never
  }
}

function fileTarget(type: string, dest: string | undefined): FileTarget {
  if (dest === undefined || dest === '')
    throw invalid(`An output of type ${type} needs a file as "dest", or - for standard output`)
  return dest === '-' ? { kind: 'stdout' } : { kind: 'file', path: resolve(dest) }
}

function folderTarget(type: string, dest: string | undefined): ArchiveTarget {
  if (dest === undefined || dest === '' || dest === '-')
    throw invalid(`An output of type ${type} with tar=false needs a folder as "dest"`)
  return { kind: 'folder', path: resolve(dest) }
}

/** An empty variable makes `dest=$OUT/` that, and then an image's `/bin` takes the place of the machine's. */
function overTheMachine(): BuildError {
  return new BuildError(
    'OPTION_INVALID',
    'An output of type local cannot go to "/": its files would replace those of this machine',
    {
      hint: 'Write to a folder of its own, or pipe type=tar,dest=- into tar -x -C /.',
    },
  )
}

function invalid(message: string): BuildError {
  return new BuildError('OPTION_INVALID', message, {
    hint: 'Outputs are written as type=oci,dest=app.tar; see stave build --help.',
  })
}
