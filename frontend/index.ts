export { parseDockerfile, type Dockerfile, type DockerfileStage } from './dockerfile.ts'
export type { Directive, DirectiveName } from './parser/directives.ts'
export {
  questionKey,
  type BuildPlan,
  type ExtraHost,
  type IgnoreFile,
  type ImageAnswer,
  type ImageAnswers,
  type ImageQuestion,
  type PlanOptions,
  type PlanResult,
} from './lower/plan.ts'
export { planBuild } from './lower/plan-build.ts'
