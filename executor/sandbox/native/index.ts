export { openNativeSandbox, type NativeOptions } from './native-sandbox.ts'
