import type { CommandInstruction } from '../instructions/types.ts'
import type { Lint, LintPlace } from './lint.ts'

const secretWords = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i
const harmlessWords = /(?:_|^)(?:public|file|version)(?:_|$)/i

/** Secrets in variables end up in the image or its history. */
export function checkSecretName(lint: Lint, place: LintPlace, instruction: 'ARG' | 'ENV', name: string): void {
  if (!secretWords.test(name) || harmlessWords.test(name)) return
  const message = `Do not use ARG or ENV instructions for sensitive data (${instruction} ${JSON.stringify(name)})`
  lint.report('SecretsUsedInArgOrEnv', message, place)
}

export function checkLegacyForm(lint: Lint, place: LintPlace, instruction: 'ENV' | 'LABEL', legacy: boolean): void {
  if (!legacy) return
  const message = `"${instruction} key=value" should be used instead of legacy "${instruction} key value" format`
  lint.report('LegacyKeyValueFormat', message, place)
}

/** A shell between the container's init and the program keeps signals from it. Who chose the shell knows. */
export function checkCommandForm(
  lint: Lint,
  instruction: CommandInstruction,
  shell: readonly string[] | undefined,
): void {
  if (instruction.command.form === 'exec' || shell !== undefined) return
  const name = instruction.kind.toUpperCase()
  const message = `JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals`
  lint.report('JSONArgsRecommended', message, instruction)
}

/** Reports the earlier of two instructions of which only the last counts. */
export function checkOnce(
  lint: Lint,
  seen: Map<string, LintPlace>,
  instruction: LintPlace & { readonly kind: string; readonly keyword: string },
): void {
  const { kind, keyword, range, comments } = instruction
  const earlier = seen.get(kind)
  seen.set(kind, { range, comments })
  if (earlier === undefined) return
  const message = `Multiple ${keyword} instructions should not be used in the same stage because only the last one will be used`
  lint.report('MultipleInstructionsDisallowed', message, earlier)
}

export function checkWorkdir(lint: Lint, place: LintPlace, path: string, hasAbsoluteBase: boolean): void {
  if (hasAbsoluteBase || path.startsWith('/')) return
  const message = `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`
  lint.report('WorkdirRelativePath', message, place)
}

export function checkPort(
  lint: Lint,
  place: LintPlace,
  text: string,
  { protocol, hasHostPart }: { readonly protocol: string; readonly hasHostPart: boolean },
): void {
  if (protocol !== protocol.toLowerCase()) {
    lint.report('ExposeProtoCasing', `Defined protocol '${text}' in EXPOSE instruction should be lowercase`, place)
  }
  if (hasHostPart) {
    const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`
    lint.report('ExposeInvalidFormat', message, place)
  }
}
