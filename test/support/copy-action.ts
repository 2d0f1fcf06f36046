import type { CopyAction } from '../../core/ops.ts'

/** A COPY of the first source without a flag, as the frontend makes it, but for what the test is about. */
export function copyAction(fields: Partial<CopyAction> & Pick<CopyAction, 'sources' | 'destination'>): CopyAction {
  return {
    action: 'copy',
    from: 1,
    wildcards: true,
    unpack: 'never',
    owner: undefined,
    mode: undefined,
    excludes: [],
    parents: false,
    ...fields,
  }
}
