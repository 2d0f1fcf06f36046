import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertFiles } from '../checks.ts'
import { pushLargeBase } from './large-base.ts'
import type { Workload } from './workload.ts'

/** A COPY --link, which asks nothing of what it is put on, and a CMD, on a base of 1 GB, pushed to the registry that the base is in: nothing of the base needs
 *  to be moved. */
export const pullNothing: Workload = {
  name: 'pull-nothing',
  needs: 'umoci',
  prepare(place) {
    const { name, digests } = pushLargeBase(place)
    const dockerfile = `FROM ${name}\nCOPY --link one /one\nCMD ["cat", "/one"]\n`
    const context = writeFiles(join(place.folder, 'context'), { Dockerfile: dockerfile, one: '1\n' })
    let before = 0
    return {
      measurements: [
        {
          name: 'pull-nothing',
          async setUp(builder) {
            await builder.forget()
            before = place.requests().length
          },
          // A repository for each round, so that the layers are not there from the one before.
          request: (builder, round) => ({
            context,
            name: `${place.registry}/pull-nothing-${builder.name}-${round}:latest`,
            output: { kind: 'registry' },
          }),
          check(root, _round, builder) {
            assertFiles(root, { one: '1\n' })
            if (builder.name === 'stave') assertNothingMoved(place.requests().slice(before), digests)
          },
        },
      ],
      floors: [],
    }
  },
}

/** @throws {Error} if a layer was fetched from the base's repository, or sent */
function assertNothingMoved(requests: readonly string[], digests: readonly string[]): void {
  const moved = requests.find(
    (line) =>
      /^(GET \/v2\/large-base\/blobs\/|PUT )/.test(line) &&
      digests.some((digest) => decodeURIComponent(line).includes(digest)),
  )
  if (moved !== undefined) throw new Error(`a layer of the base was moved: ${moved}`)
}
