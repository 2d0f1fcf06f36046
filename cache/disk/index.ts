export { naming, systemCode } from './disk-full.ts'
export { namesIn } from './names-in.ts'
export { removeTree } from './remove-tree.ts'
export { uniqueName } from './unique-name.ts'
