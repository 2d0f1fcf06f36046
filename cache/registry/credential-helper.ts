import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as z from 'zod/mini'
import { BuildError } from '../../core/errors.ts'
import type { Credentials } from './credentials.ts'

const answerSchema = z.object({ Username: z.string(), Secret: z.string() })
const largestAnswerBytes = 1024 * 1024
const timeoutMs = 30_000

/** Asks the program `docker-credential-<name>`. Whatever it prints stays out of messages: it may be the secret.
 *  @throws {BuildError} `CREDENTIALS_INVALID`
 *  @see https://github.com/docker/docker-credential-helpers#development */
export async function askCredentialHelper(name: string, server: string, signal?: AbortSignal): Promise<Credentials> {
  const program = `docker-credential-${name}`
  if (!/^[\w.-]+$/.test(name)) throw invalid(program, 'that is no name of a program')
  const limit = AbortSignal.timeout(timeoutMs)
  const { code, output } = await run(
    program,
    server,
    signal === undefined ? limit : AbortSignal.any([signal, limit]),
  ).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw invalid(program, limit.aborted ? 'it does not answer' : systemMessage(error))
  })
  if (code !== 0) {
    if (/credentials not found|no credentials/i.test(output)) return { kind: 'anonymous' }
    throw invalid(program, `it ended with exit code ${String(code)}`)
  }
  const { Username, Secret } = readAnswer(program, output)
  if (Username === '<token>') return { kind: 'identity-token', token: Secret }
  return Username === '' && Secret === ''
    ? { kind: 'anonymous' }
    : { kind: 'basic', username: Username, password: Secret }
}

async function run(program: string, input: string, signal: AbortSignal) {
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], signal })
  const closed = once(child, 'close')
  child.stdin.on('error', () => undefined).end(input) // a helper need not read it
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (output.length > largestAnswerBytes) child.kill('SIGKILL')
  })
  const [code] = (await closed) as [number | null]
  return { code, output }
}

function readAnswer(program: string, output: string): z.output<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(output))
  } catch {
    throw invalid(program, 'its answer is not what credential helpers answer')
  }
}

function systemMessage(error: unknown): string {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'it is not installed' : 'it failed'
}

function invalid(program: string, why: string): BuildError {
  return new BuildError('CREDENTIALS_INVALID', `Cannot get credentials from ${program}: ${why}`, {
    hint: 'It is named in Docker\'s config.json, under "credsStore" or "credHelpers".',
  })
}
