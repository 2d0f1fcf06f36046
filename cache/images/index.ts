export { openImageNames, type ImageNames, type NamedImage } from './image-names.ts'
export { readImage, readIndex, type StoredImage } from './read-image.ts'
