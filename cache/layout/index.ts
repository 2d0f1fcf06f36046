export type { LayoutContent } from './layout-content.ts'
export { openLayout, type Layout, type LayoutImage, type LayoutSelector } from './open-layout.ts'
export { packDockerArchive, packOciArchive } from './pack-archive.ts'
export { writeLayoutFolder } from './write-folder.ts'
