export { isArchive, looksLikeArchive, openArchive } from './is-archive.ts'
export { encodeTarHeader } from './encode-header.ts'
export { readTar, type TarBody, type TarMember } from './read-tar.ts'
export { blockBytes, endMarker, noXattrs, paddingAfter, type TarEntry, type TarEntryType } from './tar-entry.ts'
