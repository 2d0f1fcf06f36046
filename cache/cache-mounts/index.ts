export { takeCacheFolder, type CacheFolder } from './take-cache-folder.ts'
