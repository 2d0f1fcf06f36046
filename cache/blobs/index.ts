export type { BlobFiles, BlobInfo, BlobStore, PutOptions } from './blob-store.ts'
export { openDiskBlobs } from './disk-blobs.ts'
export { putBytes, readBlob } from './whole-blob.ts'
