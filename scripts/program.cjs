#!/usr/bin/env node
// What dist/bin.cjs and dist/executor.cjs are: each runs the code beside it, bin.code.cjs and executor.code.cjs. V8 takes what it had compiled of that when the bundle was
// made, which halves the time from Node's start to the first statement. Another version of V8 refuses it, and compiles the text.
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const filename = __filename.replace(/\.cjs$/, '.code.cjs')
const script = new Script(
  `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, 'utf8')}\n})`,
  {
    filename,
    cachedData: readCompiled(filename.replace(/\.cjs$/, '.cache')),
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
