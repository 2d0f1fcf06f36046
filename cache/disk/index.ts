export { naming, systemCode } from './disk-full.ts'
export { uniqueName } from './unique-name.ts'
