export { ImageLayer } from './image-layer.ts'
export { ImageWriter } from './image-writer.ts'
export { canMountImages, mountImage, type MountedImage } from './mount-image.ts'
export { ImageArchive, readImageArchive } from './read-image-archive.ts'
