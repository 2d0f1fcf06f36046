// For `node --require`: writes what V8 has compiled of dist/*.code.cjs by the time the process ends, for program.cjs to begin with.
const { renameSync, writeFileSync } = require('node:fs')
const vm = require('node:vm')
const { isMainThread } = require('node:worker_threads')

class RecordedScript extends vm.Script {
  constructor(text, options) {
    super(text, options)
    const { filename = '' } = options ?? {}
    if (!isMainThread || !filename.endsWith('.code.cjs')) return
    process.on('exit', () => {
      const path = filename.replace(/\.cjs$/, `.${process.version}-${process.arch}.cache`)
      writeFileSync(`${path}.${process.pid}`, this.createCachedData(), { mode: 0o644 })
      renameSync(`${path}.${process.pid}`, path)
    })
  }
}
vm.Script = RecordedScript
