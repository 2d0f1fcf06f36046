import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes } from '../../core/image.ts'
import type { Layer } from '../../core/layer.ts'
import { dateHistory } from './date-history.ts'

const step = (createdAtMs: number): Layer => ({ kind: 'step', id: '0'.repeat(32), base: 'below', createdAtMs })
const ofBase: Layer = {
  kind: 'image',
  diffId: digestOf('x'),
  blob: { mediaType: mediaTypes.ociLayer, digest: digestOf('x'), size: 1 },
}
const at = (ms: number): string => new Date(ms).toISOString()

test('a step’s entry has the time when the step was done, a base’s the time that it says', () => {
  const history = [{ created: '2020-01-01T00:00:00Z' }, { created_by: 'RUN x' }]
  const dated = dateHistory(history, [ofBase, step(5000)])
  expect(dated.history.map(({ created }) => created)).toEqual(['2020-01-01T00:00:00Z', at(5000)])
})

test('an entry without a layer has the time of the one before it', () => {
  const history = [{}, { empty_layer: true }, {}, { empty_layer: true }]
  const dated = dateHistory(history, [step(1000), step(2000)])
  expect(dated.history.map(({ created }) => created)).toEqual([at(1000), at(1000), at(2000), at(2000)])
})

test('the first entries, with none before them, have the time of the one behind', () => {
  const dated = dateHistory([{ empty_layer: true }, {}], [step(3000)])
  expect(dated.history[0]?.created).toBe(at(3000))
})

test('the image was made when its last part was', () => {
  expect(dateHistory([{}, { empty_layer: true }], [step(3000)]).created).toEqual(new Date(3000))
})

test('an image that nothing was done for has no time', () => {
  expect(dateHistory([{ empty_layer: true }], []).created).toBeUndefined()
})
