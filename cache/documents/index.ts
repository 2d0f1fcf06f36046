export { chooseManifest, platformOf } from './choose-manifest.ts'
export { collectBlobs, type CollectedBlobs } from './collect-blobs.ts'
export { isIndexType, isManifestType } from './media-type.ts'
export {
  check,
  imageInvalid,
  largestDocumentBytes,
  parseImageFile,
  parseJson,
  parseManifestOrIndex,
  type ManifestOrIndex,
} from './parse-document.ts'
export { resolveImage, type FetchDocument, type FetchedDocument, type ResolvedImage } from './resolve-manifest.ts'
export { ofSize, readDocument, verified } from './verified.ts'
