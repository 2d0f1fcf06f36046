import { expect, test } from 'vitest'
import { median, renderReport } from './report.ts'

test('a median is the middle value, or the mean of the two in the middle', () => {
  expect(median([30, 10, 20])).toBe(20)
  expect(median([40, 10, 30, 20])).toBe(25)
  expect(median([])).toBeNaN()
})

test('a row has its ratio to stave in the same measurement and to the start of Node; what was not measured is a dash', () => {
  const report = renderReport({
    machine: 'a machine',
    builders: [],
    rounds: 1,
    scale: 1,
    nodeTimes: [50],
    rows: [
      { workload: 'other', by: 'stave', isFloor: false, times: [1] },
      { workload: 'w', by: 'stave', isFloor: false, times: [100], peakMemoryBytes: 20e6, sizeBytes: 1.5e6 },
      { workload: 'w', by: 'docker', isFloor: false, times: [], remark: 'it failed' },
      { workload: 'w', by: '`a | b`', isFloor: true, times: [25] },
    ],
  })
  expect(report).toContain('| w | stave | 100 ms | 1.00 | 2.00 | 20 MB | 1.5 MB |\n')
  expect(report).toContain('| w | docker | - | - | - | - | - |\n')
  expect(report).toContain('| w | _`a \\| b`_ | 25 ms | 0.25 | 0.50 | - | - |\n')
  expect(report).toContain('- w, docker: it failed\n')
})
