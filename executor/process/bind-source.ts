import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { exportFolder } from '../export/export-folder.ts'
import { mountOverlay, isInsideUserNamespace, unmount } from '../linux/index.ts'
import type { BindSource } from '../ops/run-mounts.ts'
import { readerOfOutside, type OutsideTree } from '../sources/source-tree.ts'
import { readerOf } from './calls.ts'
import type { SourceTree } from './protocol.ts'

/** Shows a tree as a folder that a bind mount can take from. What the process writes there is discarded.
 *  @param folder a path where nothing is yet; @param mayMount false: the tree is copied, for places where nothing can be mounted. */
export async function openBindSource(
  source: SourceTree,
  folder: string,
  mayMount: boolean,
): Promise<BindSource & Disposable> {
  return mayMount ? openMounted(source, folder) : openCopied(source, folder)
}

async function openCopied(source: SourceTree, root: string): Promise<BindSource & Disposable> {
  mkdirSync(root)
  await exportFolder(readerOf(source), root, undefined)
  return { root, [Symbol.dispose]: () => undefined }
}

async function openMounted(source: SourceTree, folder: string): Promise<BindSource & Disposable> {
  const [upper, work, root, lowest] = ['upper', 'work', 'root', 'lowest'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const path of [folder, upper, work, root, lowest]) mkdirSync(path)
  const lower = source.kind === 'layers' ? source.layers : [await outsideFolder(source, lowest)]
  mountOverlay({
    lower: lower.length === 0 ? [lowest] : lower,
    upper,
    work,
    target: root,
    userxattr: isInsideUserNamespace(),
    volatile: true,
  })
  return { root, [Symbol.dispose]: () => unmount(root) }
}

/** A context's folder itself when nothing in it is hidden, else a copy of what shows. */
async function outsideFolder(source: OutsideTree, copy: string): Promise<string> {
  if (source.kind === 'context' && source.ignore.length === 0) return source.root
  await exportFolder(readerOfOutside(source), copy, undefined)
  return copy
}
