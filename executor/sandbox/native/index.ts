export { openNativeSandbox, type NativeOptions } from './native-sandbox.ts'
export { runConfined } from './run-confined.ts'
