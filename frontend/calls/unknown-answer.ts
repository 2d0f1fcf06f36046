import { digestOf } from '../../core/digest.ts'
import type { Answer, ImageAnswer, Question } from '../lower/plan.ts'

const nothing = digestOf('')

/** Stands in for an answer that cannot be had, where nothing is to be built: `checkBuild()`, `outlineBuild()` and `allMistakes()` go
 *  on with it, and leave out what depends on the truth. */
export function unknownAnswer(question: Question): Answer {
  switch (question.kind) {
    case 'image':
      return unknownImage(question.platform)
    case 'git':
      return { kind: 'git', commit: '0'.repeat(40), name: undefined }
    case 'http':
      return { kind: 'http', digest: question.checksum ?? nothing, mtimeSeconds: 0 }
    case 'time':
      return { kind: 'time', seconds: 0 }
    default:
      return question satisfies never
  }
}

function unknownImage(platform: ImageAnswer['platform']): ImageAnswer {
  const { os, architecture, variant } = platform
  const file = {
    os,
    architecture,
    variant,
    config: {},
    rootfs: { type: 'layers' as const, diff_ids: [nothing] },
    history: [{}],
  }
  return { kind: 'image', digest: nothing, platform, file, isUnknown: true }
}
