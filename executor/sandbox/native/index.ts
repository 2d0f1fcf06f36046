export { openNativeSandbox, type NativeOptions } from './native-sandbox.ts'
export { openLauncher, type LauncherProcess } from './launcher-process.ts'
export { runLaunched } from './run-launched.ts'
