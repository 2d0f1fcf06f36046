export { compressionOf, sniffedBytes, type Compression } from './compression.ts'
export { decompress, decompressAs } from './decompress.ts'
export { peek } from './peek.ts'
