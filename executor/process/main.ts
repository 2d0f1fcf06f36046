import { isMainThread } from 'node:worker_threads'
import { serveFront } from './server.ts'
import { serveThread } from './thread-server.ts'

// Modes are given in full everywhere; what the user's shell masks must not change an image.
if (isMainThread) process.umask(0)

if (isMainThread) serveFront()
else serveThread()
