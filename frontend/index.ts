export { allMistakes } from './all-mistakes.ts'
export { parseDockerfile, readDockerfile, type Dockerfile, type DockerfileStage } from './dockerfile.ts'
export type { Directive, DirectiveName } from './parser/directives.ts'
export {
  questionKey,
  type Answer,
  type BuildPlan,
  type ExtraHost,
  type GitAnswer,
  type GitQuestion,
  type HttpAnswer,
  type HttpQuestion,
  type IgnoreFile,
  type ImageAnswer,
  type ImageQuestion,
  type PlanOptions,
  type PlanResult,
  type Question,
  type TimeAnswer,
  type TimedSource,
  type TimeQuestion,
} from './lower/plan.ts'
export { planBuild } from './lower/plan-build.ts'
export { checkBuild, type CheckResult, type Findings } from './calls/check-build.ts'
export { listTargets, type Target } from './calls/list-targets.ts'
export { type MountNeed } from './calls/mount-needs.ts'
export { outlineBuild, type Outline, type OutlineArg, type OutlineResult } from './calls/outline-build.ts'
export { unknownAnswer } from './calls/unknown-answer.ts'
export { ruleDescriptions, rulePage, type RuleName } from './lint/rules.ts'
