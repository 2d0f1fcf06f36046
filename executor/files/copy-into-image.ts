import { DigestMeter, type Digest } from '../../core/digest.ts'
import { archiveChunks } from '../diff/archive.ts'
import { ImageLayer, ImageWriter } from '../erofs/index.ts'
import type { LayerRecipe } from './layer-recipe.ts'
import type { Attributes } from './layer-writer.ts'

/** Carries a recipe out as an image: each file is read once, and none is made.
 *  @param image path of a new file; there is none when this throws
 *  @returns the digest of the layer's archive, which is in the image
 *  @throws {NeedsFolder} for what an image cannot hold; {FileShrank} */
export function copyIntoImage(recipe: LayerRecipe, root: Attributes, image: string): Digest {
  const meter = new DigestMeter()
  const layer = new ImageLayer(root, root.mtimeNs)
  using writer = new ImageWriter(image)
  for (const chunk of archiveChunks(recipe.changes(), layer)) {
    meter.update(chunk)
    writer.append(chunk)
  }
  writer.finish(layer.root)
  return meter.digest()
}
