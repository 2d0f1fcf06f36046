import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  addMountAttributes,
  attachMount,
  cloneMount,
  createMount,
  isErrno,
  listXattrs,
  mount,
  mountAttributes,
  mountFlags,
  mountOverlay,
  unmount,
} from '../../executor/linux/index.ts'

/** What tests of mounting do in namespaces of their own: see `in-namespaces.ts`. */
export function overlay(folder: string, layers: number, nameLength: number, userxattr: boolean): unknown {
  const lower = Array.from({ length: layers }, (_, index) => {
    const layer = join(folder, `${'x'.repeat(nameLength)}-${String(index)}`)
    mkdirSync(layer)
    writeFileSync(join(layer, `file-${String(index)}`), '')
    writeFileSync(join(layer, 'same'), String(index))
    return layer
  })
  const [upper, work, target] = ['upper', 'work', 'target'].map((name) => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }) as [string, string, string]
  mountOverlay({ lower, upper, work, target, userxattr })
  const seen = { files: readdirSync(target).length, same: readFileSync(join(target, 'same'), 'utf8') }
  writeFileSync(join(target, 'same'), 'changed')
  unmount(target)
  return { ...seen, upper: readdirSync(upper), after: readdirSync(target) }
}

export function readOnlyOverlay(folder: string): unknown {
  const lower = ['a', 'b'].map((name) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, name), name)
    return join(folder, name)
  })
  const target = join(folder, 'target')
  mkdirSync(target)
  mountOverlay({ lower, target, userxattr: false })
  const files = readdirSync(target)
  const refusal = refusalOf(() => writeFileSync(join(target, 'new'), ''))
  unmount(target)
  return { files, refusal }
}

/** Replaces a directory that a lower layer has: how the upper says so. */
export function replaceDirectory(folder: string, userxattr: boolean): unknown {
  for (const name of ['lower', 'lower/directory', 'upper', 'work', 'target']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'lower/directory/file'), '')
  writeFileSync(join(folder, 'lower/removed'), '')
  const at = (name: string): string => join(folder, name)
  mountOverlay({
    lower: [at('lower')],
    upper: at('upper'),
    work: at('work'),
    target: at('target'),
    userxattr,
    volatile: true,
  })
  rmSync(at('target/directory'), { recursive: true })
  mkdirSync(at('target/directory'))
  rmSync(at('target/removed'))
  const files = readdirSync(at('target/directory'))
  unmount(at('target'))
  const names = [...listXattrs(at('upper/directory')).keys()]
  const removed = statSync(at('upper/removed'))
  return { files, names, whiteout: removed.isCharacterDevice() && removed.rdev === 0 }
}

export function binds(folder: string): unknown {
  for (const name of ['source', 'source/below', 'target', 'elsewhere']) mkdirSync(join(folder, name))
  mount({ source: 'tmpfs', target: join(folder, 'source/below'), type: 'tmpfs', options: 'size=1m' })
  const copy = cloneMount(join(folder, 'source'), 'recursive')
  addMountAttributes(copy, mountAttributes.readOnly | mountAttributes.noSuid, 'recursive')
  attachMount(copy, join(folder, 'target'))
  const refusals = ['target/file', 'target/below/file', 'source/below/file'].map((name) =>
    refusalOf(() => writeFileSync(join(folder, name), '')),
  )
  const made = createMount({
    type: 'tmpfs',
    options: [
      ['source', 'made'],
      ['size', '64k'],
      ['mode', '0700'],
    ],
    attributes: mountAttributes.noExec,
  })
  attachMount(made, join(folder, 'elsewhere'))
  const mode = statSync(join(folder, 'elsewhere')).mode & 0o7777
  mount({ target: join(folder, 'elsewhere'), flags: mountFlags.bind | mountFlags.remount | mountFlags.readOnly })
  const remounted = refusalOf(() => writeFileSync(join(folder, 'elsewhere/file'), ''))
  for (const name of ['elsewhere', 'target/below', 'target', 'source/below']) unmount(join(folder, name))
  const gone = refusalOf(() => unmount(join(folder, 'target')))
  return { refusals, mode, remounted, gone }
}

function refusalOf(action: () => void): string {
  try {
    action()
    return 'none'
  } catch (error) {
    for (const code of ['EROFS', 'EPERM', 'EINVAL', 'EACCES'] as const) if (isErrno(error, code)) return code
    throw error
  }
}
