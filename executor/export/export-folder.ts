import { LayerFolder } from '../files/layer-folder.ts'
import { copyInto } from '../files/copy.ts'
import type { TreeReader } from '../tree/tree-reader.ts'

/** Writes the whole tree into an existing empty folder. With an owner, every file is that owner's, as BuildKit's `type=local` has it; without,
 *  owners stay. */
export async function exportFolder(
  tree: TreeReader,
  folder: string,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Promise<void> {
  const target = new LayerFolder(folder, [], 0n)
  const root = tree.lstat('')
  await copyInto(
    target,
    tree,
    {
      action: 'copy',
      from: 0,
      sources: ['/'],
      destination: '/',
      wildcards: false,
      unpack: 'never',
      owner: undefined,
      mode: undefined,
      excludes: [],
      parents: false,
    },
    owner,
    () => Promise.resolve(false),
  )
  if (root !== undefined) target.setDirectoryAttributes('', { ...root, ...owner })
  target.close()
}
