import { checkDockerfile } from '../calls/check-dockerfile.ts'
import { listDockerfileTargets } from '../calls/list-dockerfile-targets.ts'
import { outlineDockerfile } from '../calls/outline-dockerfile.ts'
import type { CallOptions } from '../calls/look.ts'
import { parseContextLocation } from '../config/locations.ts'
import type { BuildRequest } from '../config/request.ts'
import { exitCodes } from './exit-code.ts'
import type { Call } from './parse-call.ts'
import { renderError } from './render-error.ts'
import { renderFindings } from './render-findings.ts'
import { outlineJson, renderOutline } from './render-outline.ts'
import { renderTargets, targetsJson } from './render-targets.ts'
import { findingsJson } from './findings-json.ts'
import { findingsSarif } from './findings-sarif.ts'
import type { Terminal } from './terminal.ts'

/** Looks at a Dockerfile instead of building it, and prints what is found on stdout.
 *  @throws {BuildError} for options that make no sense, and what cannot be read */
export async function runCall(call: Call, request: BuildRequest, terminal: Terminal): Promise<number> {
  const options = { signal: terminal.signal, stdin: terminal.stdin, env: terminal.env }
  const print = (text: string): unknown => terminal.stdout.write(text)
  switch (call.method) {
    case 'targets': {
      const targets = await listDockerfileTargets(request, options)
      print(call.format === 'json' ? document(targetsJson(targets)) : renderTargets(targets))
      return exitCodes.done
    }
    case 'outline': {
      const outline = await outlineDockerfile(request, options)
      print(call.format === 'json' ? document(outlineJson(outline)) : renderOutline(outline))
      return exitCodes.done
    }
    case 'check':
      return runCheck(call, request, options, terminal)
    case 'build':
      throw new Error('a build is no call')
    default:
      return call.method satisfies never
  }
}

async function runCheck(call: Call, request: BuildRequest, options: CallOptions, terminal: Terminal): Promise<number> {
  const report = await checkDockerfile(request, options)
  for (const base of report.unknownBases) {
    const place = base.source === undefined ? '' : `${base.source.file}:${base.source.start.line}: `
    terminal.stderr.write(`${place}${base.message}; variables that this base may set are not checked\n`)
  }
  switch (call.format) {
    case 'text':
      terminal.stdout.write(renderFindings(report))
      for (const error of report.errors) terminal.stderr.write(renderError(error, report.findText))
      break
    case 'json':
      terminal.stdout.write(document(findingsJson(report)))
      break
    case 'sarif':
      terminal.stdout.write(document(findingsSarif(report, folderOf(request))))
      break
    default:
      call.format satisfies never
  }
  if (report.errors.length > 0) return exitCodes.failed
  return report.warnings.length > 0 && !call.ignoreStatus ? exitCodes.failed : exitCodes.done
}

/** What names of files are relative to. */
function folderOf({ context }: BuildRequest): string {
  const location = parseContextLocation(context)
  return location.kind === 'folder' ? location.path : '.'
}

function document(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
