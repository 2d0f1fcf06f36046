/** The rules, by the names that `# check=skip=…` knows, with what documents them.
 *  @see https://docs.docker.com/reference/build-checks/ */
export const rules = {
  StageNameCasing: 'stage-name-casing',
  FromAsCasing: 'from-as-casing',
  NoEmptyContinuation: 'no-empty-continuation',
  ConsistentInstructionCasing: 'consistent-instruction-casing',
  DuplicateStageName: 'duplicate-stage-name',
  ReservedStageName: 'reserved-stage-name',
  JSONArgsRecommended: 'json-args-recommended',
  MaintainerDeprecated: 'maintainer-deprecated',
  UndefinedArgInFrom: 'undefined-arg-in-from',
  UndefinedVar: 'undefined-var',
  WorkdirRelativePath: 'workdir-relative-path',
  MultipleInstructionsDisallowed: 'multiple-instructions-disallowed',
  LegacyKeyValueFormat: 'legacy-key-value-format',
  RedundantTargetPlatform: 'redundant-target-platform',
  FromPlatformFlagConstDisallowed: 'from-platform-flag-const-disallowed',
  SecretsUsedInArgOrEnv: 'secrets-used-in-arg-or-env',
  InvalidDefaultArgInFrom: 'invalid-default-arg-in-from',
  InvalidBaseImagePlatform: undefined,
  CopyIgnoredFile: 'copy-ignored-file',
  ExposeProtoCasing: 'expose-proto-casing',
  ExposeInvalidFormat: 'expose-invalid-format',
  InvalidDefinitionDescription: 'invalid-definition-description',
} as const satisfies Record<string, string | undefined>

export type RuleName = keyof typeof rules

/** Rules that are off unless `# check=experimental=…` names them. */
export const experimentalRules: ReadonlySet<RuleName> = new Set(['InvalidDefinitionDescription'])

/** The page about a rule. `undefined`: there is none. */
export function rulePage(rule: RuleName): string | undefined {
  const page = rules[rule]
  return page === undefined ? undefined : `https://docs.docker.com/go/dockerfile/rule/${page}/`
}
