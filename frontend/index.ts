export { parseDockerfile, type Dockerfile, type DockerfileStage } from './dockerfile.ts'
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
} from './lower/plan.ts'
export { planBuild } from './lower/plan-build.ts'
