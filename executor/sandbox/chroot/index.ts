export { openChrootSandbox, type ChrootOptions } from './chroot-sandbox.ts'
