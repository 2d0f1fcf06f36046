import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import type { HistoryEntry, ImageFile } from '../../core/image.ts'
import { repairHistory } from './repair-history.ts'

function fileWith(layers: number, history: readonly HistoryEntry[]): ImageFile {
  const ids = Array.from({ length: layers }, (_, index) => digestOf(String(index)))
  return {
    architecture: 'amd64',
    os: 'linux',
    created: '2020-01-01T00:00:00Z',
    config: {},
    rootfs: { type: 'layers', diff_ids: ids },
    history,
  }
}

const told = { created_by: 'RUN x' }
const empty = { created_by: 'ENV x', empty_layer: true }

/** Entries that stand for a layer: there must be one for each. */
const withLayer = ({ history }: ImageFile): number => history.filter((entry) => entry.empty_layer !== true).length

test('a history that tells of each layer stays as it is', () => {
  const file = fileWith(2, [told, empty, told])
  expect(repairHistory(file)).toEqual(file)
})

test('an image without a history gets an entry for each layer', () => {
  const repaired = repairHistory(fileWith(2, []))
  expect([withLayer(repaired), repaired.history[0]?.created]).toEqual([2, '2020-01-01T00:00:00Z'])
})

test('layers that the history does not tell of come last', () => {
  expect(repairHistory(fileWith(3, [empty, told])).history.map(({ created_by }) => created_by)).toEqual([
    'ENV x',
    'RUN x',
    undefined,
    undefined,
  ])
})

test('entries that tell of layers that are not there are marked empty', () => {
  expect(repairHistory(fileWith(1, [told, told, empty])).history).toEqual([told, { ...told, empty_layer: true }, empty])
})
