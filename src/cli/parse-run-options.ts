import { BuildError } from '../../core/errors.ts'
import { findSizeBytes } from '../../core/sizes.ts'
import type { BuildRequest } from '../config/request.ts'

/** One `--add-host`: `NAME=ADDRESS`, or `NAME:ADDRESS`. An address of version 6 may be in brackets.
 *  @throws {BuildError} `OPTION_INVALID` */
export function parseHost(text: string): NonNullable<BuildRequest['extraHosts']>[number] {
  const [, host, address = ''] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? []
  if (host === undefined) throw unreadable('--add-host', text, 'Write it as NAME=ADDRESS.')
  return { host, address: address.replace(/^\[(.*)\]$/s, '$1') }
}

/** `64m`, `1g`: powers of 1024; bytes without a unit.
 *  @throws {BuildError} `OPTION_INVALID` */
export function parseSize(option: string, text: string): number {
  const sizeBytes = findSizeBytes(text)
  if (sizeBytes === undefined) throw unreadable(option, text, 'A size is such as 64m or 1g.')
  return sizeBytes
}

/** All `--ulimit`: `NAME=SOFT[:HARD]` each; the last of a name counts.
 *  @throws {BuildError} `OPTION_INVALID` */
export function parseUlimits(texts: readonly string[]): NonNullable<BuildRequest['ulimits']> {
  const entries = texts.map((text) => {
    const [, name, soft, hard] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? []
    if (name === undefined)
      throw unreadable('--ulimit', text, 'Write it as NAME=SOFT[:HARD], such as nofile=1024:4096.')
    return [name, { soft: Number(soft), hard: hard === undefined ? undefined : Number(hard) }] as const
  })
  return Object.fromEntries(entries)
}

function unreadable(option: string, text: string, hint: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot read ${option} ${JSON.stringify(text)}`, { hint })
}
