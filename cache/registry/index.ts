export { anonymous, dockerCredentials, type Credentials, type FindCredentials } from './credentials.ts'
export type { RequestOptions } from './pull.ts'
export type { PushedImage, PushProgress } from './push.ts'
export { openRegistry, type Registry, type RegistryOptions } from './registry.ts'
