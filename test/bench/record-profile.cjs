// Required by every Node process of a build that `profile.js` has started: writes CPU profiles of its threads into $PROFILE_FOLDER. Threads end without being
// asked, and so write what they have several times a second.
const { writeFileSync } = require('node:fs')
const { Session } = require('node:inspector')
const { basename, join } = require('node:path')
const { isMainThread, threadId } = require('node:worker_threads')

const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.setSamplingInterval', { interval: 1000 })
session.post('Profiler.start')

const program = isMainThread ? basename(process.argv[1] ?? '').replace(/\..*/, '') : 'thread of the executor'
const thread = `${program === 'bin' ? 'front' : program} ${process.pid}-${threadId}`
let parts = 0

function write() {
  session.post('Profiler.stop', (error, result) => {
    const path = join(process.env.PROFILE_FOLDER, `${thread}.${parts++}.cpuprofile`)
    if (error === null) writeFileSync(path, JSON.stringify(result.profile))
  })
}

if (isMainThread) process.on('exit', write)
else {
  setInterval(() => {
    write()
    session.post('Profiler.start')
  }, 300)
}
