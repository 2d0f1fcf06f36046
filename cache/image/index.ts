export {
  assembleImage,
  type AssembledImage,
  type Document,
  type ImageLayer,
  type ImageParts,
} from './assemble-image.ts'
export { assembleIndex, type IndexParts } from './assemble-index.ts'
export { layerTypeIn, type MediaTypeFamily } from './media-type-family.ts'
