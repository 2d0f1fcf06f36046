import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'

/** What `--build-context NAME=VALUE` stands for. */
export type NamedContext =
  /** Absolute path. */
  | { readonly kind: 'folder'; readonly path: string }
  /** Absolute path of a layout folder or archive, and what to take from it: a tag, a digest, or, given neither, the only image. */
  | { readonly kind: 'oci-layout'; readonly path: string; readonly selector: string | undefined }
  | { readonly kind: 'image'; readonly reference: string }

/** @throws {BuildError} `OPTION_INVALID`, `CONTEXT_INVALID`, `UNSUPPORTED` */
export function parseContext(name: string, value: string): NamedContext {
  const [, scheme, rest = ''] = /^([a-z-]+):\/\/(.*)$/.exec(value) ?? []
  switch (scheme) {
    case 'oci-layout':
      return parseLayout(name, rest)
    case 'docker-image':
      return { kind: 'image', reference: rest }
    case undefined:
      return parseFolder(name, value)
    default:
      throw new BuildError(
        'UNSUPPORTED',
        `Cannot use context ${JSON.stringify(name)}: ${scheme}:// is no kind of context here`,
        {
          hint: 'A context is a folder, oci-layout://PATH[:TAG] or docker-image://REFERENCE.',
        },
      )
  }
}

function parseLayout(name: string, text: string): NamedContext {
  const [, path = '', digest, tag] = /^(.*?)(?:@(sha256:[0-9a-f]{64})|:(\w[\w.-]{0,127}))?$/.exec(text) ?? []
  if (path === '')
    throw new BuildError('OPTION_INVALID', `Cannot use context ${JSON.stringify(name)}: oci-layout:// needs a path`)
  return { kind: 'oci-layout', path: resolve(path), selector: digest ?? tag }
}

function parseFolder(name: string, value: string): NamedContext {
  const path = resolve(value)
  if (isFolder(path)) return { kind: 'folder', path }
  throw new BuildError('CONTEXT_INVALID', `Cannot use context ${JSON.stringify(name)}: ${path} is no folder`)
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
