import { resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { isGitContext, isHttpSource, parseGitSource, type GitSource } from '../../core/git-source.ts'
import { parsePlatform } from '../../core/platform.ts'
import { isFolder } from '../config/is-folder.ts'

/** What `--build-context NAME=VALUE` stands for. */
export type NamedContext =
  /** Absolute path. */
  | { readonly kind: 'folder'; readonly path: string }
  /** Absolute path of a layout folder or archive, and what to take from it: a tag, a digest, or, given neither, the only image. */
  | { readonly kind: 'oci-layout'; readonly path: string; readonly selector: string | undefined }
  | { readonly kind: 'image'; readonly reference: string }
  /** The empty image, which is in no registry. */
  | { readonly kind: 'scratch' }
  | { readonly kind: 'git'; readonly source: GitSource }
  /** One file, called after the last part of the address. */
  | { readonly kind: 'url'; readonly url: string }

/** @param name what the context stands in for; `NAME::PLATFORM` for one platform alone
 *  @throws {BuildError} `OPTION_INVALID`, `CONTEXT_INVALID`, `SOURCE_INVALID`, `PLATFORM_INVALID`, `UNSUPPORTED` */
export function parseContext(name: string, value: string): NamedContext {
  const [, platform] = name.split('::')
  if (platform !== undefined) parsePlatform(platform)
  if (isGitContext(value)) return { kind: 'git', source: parseGitSource(value) }
  if (isHttpSource(value) && URL.canParse(value)) return { kind: 'url', url: value }
  const [, scheme, rest = ''] = /^([a-z-]+):\/\/(.*)$/.exec(value) ?? []
  switch (scheme) {
    case 'oci-layout':
      return parseLayout(name, rest)
    case 'docker-image':
      return rest === 'scratch' ? { kind: 'scratch' } : { kind: 'image', reference: rest }
    case undefined:
      return parseFolder(name, value)
    default:
      throw new BuildError(
        'UNSUPPORTED',
        `Cannot use context ${JSON.stringify(name)}: ${scheme}:// is no kind of context here`,
        {
          hint: 'A context is a folder, oci-layout://PATH[:TAG], docker-image://REFERENCE, or the address of a git repository or a file.',
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
