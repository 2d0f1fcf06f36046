export { systemClock, type Clock } from './clock.ts'
export { connectionCode, connectionReason, mayConnectionPass, mayStatusPass } from './connection-failure.ts'
export { download, type Download, type Downloaded, type DownloadServices } from './download.ts'
export { isLoopback } from './loopback.ts'
export { PassingFailure, retryAfterMs, retrying } from './retry.ts'
export {
  openTransport,
  type Answer,
  type Exchange,
  type ProxySettings,
  type RequestBody,
  type Transport,
} from './transport.ts'
