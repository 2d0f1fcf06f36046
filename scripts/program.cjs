#!/usr/bin/env node
// What dist/bin.cjs and dist/executor.cjs are: each runs the code beside it, bin.code.cjs and executor.code.cjs. V8 takes what it had compiled of that when the bundle was
// made, which halves the time from Node's start to the first statement. That serves only the Node that compiled it: V8 accepts what its neighbouring versions compiled, and
// runs it wrongly (20.17 what 20.20 wrote). Any other Node compiles the text.
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const filename = __filename.replace(/\.cjs$/, '.code.cjs')
const script = new Script(
  `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, 'utf8')}\n})`,
  {
    filename,
    cachedData: readCompiled(filename.replace(/\.cjs$/, `.${process.version}-${process.arch}.cache`)),
  },
)
script.runInThisContext()(exports, require, module, filename, __dirname)

function readCompiled(path) {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
