import { BuildError } from '../../core/errors.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { ContextTree } from './context-tree.ts'

/** Absolute path of what `path` names in a folder that somebody else has made: links are followed as if the folder were the root, so that nothing outside is
 *  ever named. `undefined`: nothing is there. */
export function findInFolder(folder: string, path: string): string | undefined {
  const tree = new ContextTree(folder, [])
  try {
    const found = resolvePath(tree, path)
    return found.entry === undefined ? undefined : tree.hostPath(found.path)
  } catch (error) {
    if (error instanceof BuildError && error.code === 'PATH_ESCAPES') return undefined // a link to itself
    throw error
  }
}
