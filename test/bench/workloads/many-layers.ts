import { writeFiles } from '../../support/stave.ts'
import { assertFiles } from '../checks.ts'
import { scaled, type Workload } from './workload.ts'

/** A hundred instructions, ENV, LABEL, RUN and COPY in turn: nothing known, and everything known. */
export const manyLayers: Workload = {
  name: 'many-layers',
  prepare({ folder, scale, base }) {
    const indexes = Array.from({ length: scaled(25, scale) }, (_, index) => index)
    const lines = indexes.flatMap((index) => [
      `ENV V${index}=${index}`,
      `LABEL l${index}=$V${index}`,
      `RUN echo $V${index} > /r${index}`,
      `COPY f${index} /`,
    ])
    const context = writeFiles(folder, {
      Dockerfile: `${[`FROM ${base.name}`, ...lines].join('\n')}\n`,
      ...Object.fromEntries(indexes.map((index) => [`f${index}`, `file ${index}`])),
    })
    const request = { context, name: 'bench-many-layers', output: { kind: 'store' } } as const
    const check = (root: string): void => {
      assertFiles(root, Object.fromEntries(indexes.map((index) => [`r${index}`, `${index}\n`])))
      assertFiles(root, Object.fromEntries(indexes.map((index) => [`f${index}`, `file ${index}`])))
    }
    return {
      measurements: [
        {
          name: 'many-layers, cold',
          async setUp(builder) {
            await builder.forget()
            await base.provide(builder)
          },
          request: () => request,
          check,
        },
        { name: 'many-layers, warm', request: () => request, check },
      ],
      floors: [],
    }
  },
}
