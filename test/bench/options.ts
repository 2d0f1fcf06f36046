import { parseArgs } from 'node:util'

const usage = `usage: npm run bench [-- OPTIONS]
  --rounds N           timed rounds, after one that is not (default 5)
  --scale FACTOR       factor of sizes and numbers of files (default 1)
  --workloads A,B      these only
  --builders A,B       these only; stave is always there
  --others FOLDER      compare with what \`others.sh up FOLDER\` has set up
  --out FILE.json      write all times there, and the tables to FILE.md
  --smoke              a hundredth of the size, stave alone, nothing timed: only whether the images are right`

export interface Options {
  readonly rounds: number
  readonly scale: number
  /** Undefined: all. */
  readonly workloads: readonly string[] | undefined
  readonly builders: readonly string[] | undefined
  readonly others: string | undefined
  readonly out: string | undefined
  readonly smoke: boolean
}

/** What was asked for cannot be: the message says why. */
export class UsageError extends Error {}

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        rounds: { type: 'string', default: '5' },
        scale: { type: 'string', default: '1' },
        workloads: { type: 'string' },
        builders: { type: 'string' },
        others: { type: 'string' },
        out: { type: 'string' },
        smoke: { type: 'boolean', default: false },
      },
    })
    return {
      rounds: values.smoke ? 0 : Math.ceil(positive('rounds', values.rounds)),
      scale: values.smoke ? 0.01 : positive('scale', values.scale),
      workloads: values.workloads?.split(','),
      builders: values.smoke ? ['stave'] : values.builders?.split(','),
      others: values.others,
      out: values.out,
      smoke: values.smoke,
    }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${usage}`)
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0; got ${JSON.stringify(text)}`)
  return value
}
