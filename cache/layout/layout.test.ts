import { execFileSync } from 'node:child_process'
import {
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { amd64, arm64, putSampleImage, putSampleIndex, tarOf } from '../../test/support/sample-image.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { openDiskBlobs, readBlob } from '../blobs/index.ts'
import {
  openLayout,
  packDockerArchive,
  packOciArchive,
  writeLayoutFolder,
  type Layout,
  type LayoutContent,
} from './index.ts'

const name = 'docker.io/library/app:1.0'

describe('what we write', () => {
  test('an OCI layout folder is what skopeo and umoci read', async () => {
    const { folder, content } = await sample()
    const path = join(folder, 'layout')
    await writeLayoutFolder(path, content)
    expect(skopeoDigest(`oci:${path}:1.0`)).toBe(content.root.digest)
    execFileSync('skopeo', ['copy', '-q', `oci:${path}:1.0`, `dir:${join(folder, 'copied')}`])
    execFileSync('umoci', ['unpack', '--rootless', '--image', `${path}:1.0`, join(folder, 'bundle')], { stdio: 'pipe' })
    expect(readFileSync(join(folder, 'bundle/rootfs/etc/motd'), 'utf8')).toBe('hello\n')
  })

  test('an OCI archive is what skopeo and GNU tar read', async () => {
    const { folder, content } = await sample()
    const path = join(folder, 'image.tar')
    await pipeline(packOciArchive(content), createWriteStream(path))
    expect(skopeoDigest(`oci-archive:${path}:1.0`)).toBe(content.root.digest)
    const members = execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).trim().split('\n')
    expect(members).toEqual([...members].sort())
    expect(members).toContain('oci-layout')
  })

  test('a Docker archive is what skopeo reads, both as docker-archive and as oci-archive', async () => {
    const { folder, content } = await sample()
    const path = join(folder, 'image.tar')
    await pipeline(packDockerArchive(content), createWriteStream(path))
    const inspected = JSON.parse(
      execFileSync('skopeo', ['inspect', `docker-archive:${path}:${name}`], { encoding: 'utf8' }),
    ) as { Layers: readonly string[]; Env: readonly string[] }
    expect(inspected.Layers).toHaveLength(2)
    expect(inspected.Env).toEqual(['PATH=/bin'])
    execFileSync('skopeo', ['copy', '-q', `docker-archive:${path}`, `dir:${join(folder, 'copied')}`])
    expect(skopeoDigest(`oci-archive:${path}:1.0`)).toBe(content.root.digest)
    const [entry] = JSON.parse(execFileSync('tar', ['-xOf', path, 'manifest.json'], { encoding: 'utf8' })) as object[]
    expect(entry).toMatchObject({ RepoTags: ['app:1.0'] })
  })

  test.each([
    ['Docker', packDockerArchive],
    ['OCI', packOciArchive],
  ])('"podman load" takes a %s archive', async (_, pack) => {
    const { folder, content } = await sample()
    const path = join(folder, 'image.tar')
    await pipeline(pack(content), createWriteStream(path))
    const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
    const podman = (...args: readonly string[]) =>
      execFileSync('podman', [...storage, ...args], { encoding: 'utf8', stdio: 'pipe' })
    expect(podman('load', '-i', path)).toContain(`Loaded image: ${name}`)
    expect(podman('image', 'inspect', '--format', '{{.Config.Env}} {{.Architecture}}', name)).toBe(
      '[PATH=/bin] amd64\n',
    )
  })

  test('an index is written with all of its images', async () => {
    const { folder, content } = await sample(putSampleIndex)
    const path = join(folder, 'layout')
    await writeLayoutFolder(path, content)
    execFileSync('skopeo', ['copy', '-q', '--all', `oci:${path}:1.0`, `dir:${join(folder, 'copied')}`])
    await expect(pipeline(packDockerArchive(content), drain)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('the same image gives the same archive', async () => {
    const { content } = await sample()
    expect(digestOf(await collect(packOciArchive(content)))).toBe(digestOf(await collect(packOciArchive(content))))
  })

  test('a second image joins the folder, and one of the same name takes its place', async () => {
    const { folder, content, blobs } = await sample()
    const path = join(folder, 'layout')
    await writeLayoutFolder(path, content)
    const root = await putSampleImage(blobs, { platform: arm64 })
    await writeLayoutFolder(path, { ...content, root, names: ['app:2.0'] })
    expect(await imagesOf(path)).toEqual([
      [content.root.digest, '1.0'],
      [root.digest, '2.0'],
    ])
    await writeLayoutFolder(path, { ...content, names: ['app:2.0'] })
    expect(await imagesOf(path)).toEqual([[content.root.digest, '1.0']])
    expect(readdirSync(join(path, 'blobs/sha256')).filter((file) => file.startsWith('.'))).toEqual([])
  })

  test('an image whose blob is damaged is not written', async () => {
    const { folder, content } = await sample()
    const read = (wanted: Descriptor) => (wanted.mediaType.includes('layer') ? bytes('damaged') : content.read(wanted))
    await expect(writeLayoutFolder(join(folder, 'layout'), { ...content, read })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
    await expect(openLayout(join(folder, 'layout'))).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })
})

describe.each(['folder', 'OCI archive', 'Docker archive'] as const)('an image in a %s', (form) => {
  test('is found by tag, by full name, by digest and alone, and its blobs are read', async () => {
    const { folder, content, blobs } = await sample()
    await using layout = await written(folder, content, form)
    for (const selector of [
      { by: 'only' },
      { by: 'tag', tag: '1.0' },
      { by: 'tag', tag: name },
      { by: 'digest', digest: content.root.digest },
    ] as const) {
      const { manifest, manifestDocument, imageFile } = await layout.resolve(selector, amd64)
      expect(digestOf(manifestDocument.bytes)).toBe(content.root.digest)
      expect(imageFile.config.Env).toEqual(['PATH=/bin'])
      for (const layer of manifest.layers) {
        expect(await collect(layout.readBlob(layer))).toEqual(await readBlob(blobs, layer.digest))
      }
    }
  })

  test('is not found by another tag or digest', async () => {
    const { folder, content } = await sample()
    await using layout = await written(folder, content, form)
    await expect(layout.resolve({ by: 'tag', tag: '2.0' }, amd64)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      hint: expect.stringContaining('1.0') as string,
    })
    const digest = digestOf('another')
    await expect(layout.resolve({ by: 'digest', digest }, amd64)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  })
})

test('an index is resolved for the platform, and a manifest in it by its digest', async () => {
  const { folder, content } = await sample(putSampleIndex)
  await using layout = await written(folder, content, 'folder')
  const arm = await layout.resolve({ by: 'only' }, arm64)
  expect(arm.imageFile.architecture).toBe('arm64')
  expect(arm.root.descriptor.digest).toBe(content.root.digest)
  const { digest } = arm.manifestDocument.descriptor
  expect((await layout.resolve({ by: 'digest', digest }, amd64)).imageFile.architecture).toBe('arm64')
  await expect(layout.resolve({ by: 'only' }, { os: 'linux', architecture: 's390x' })).rejects.toMatchObject({
    code: 'PLATFORM_NOT_FOUND',
    hint: 'It has images for linux/amd64, linux/arm64.',
  })
})

test.each(['oci', 'oci-archive', 'docker-archive'])('what skopeo writes as %s is read', async (transport) => {
  const { folder, content } = await sample()
  await writeLayoutFolder(join(folder, 'ours'), content)
  const path = join(folder, 'theirs')
  execFileSync('skopeo', ['copy', '-q', `oci:${join(folder, 'ours')}:1.0`, `${transport}:${path}:app:1.0`])
  await using layout = await openLayout(path)
  const { manifest, imageFile } = await layout.resolve({ by: 'only' }, amd64)
  expect(imageFile.config.Cmd).toEqual(['/bin/sh'])
  for (const layer of manifest.layers) expect(await collect(layout.readBlob(layer))).toHaveLength(layer.size)
})

describe('a hostile layout', () => {
  test('whose blob is a link out of it is refused', async () => {
    const { folder, path, content } = await sampleFolder()
    const file = join(path, 'blobs/sha256', content.root.digest.slice(7))
    renameSync(file, join(folder, 'outside'))
    symlinkSync(join(folder, 'outside'), file)
    await expect(resolveOnly(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test.each(['index.json', 'oci-layout', 'blobs'])('whose %s is a link out of it is refused', async (file) => {
    const { folder, path } = await sampleFolder()
    renameSync(join(path, file), join(folder, 'outside'))
    symlinkSync(join(folder, 'outside'), join(path, file))
    await expect(resolveOnly(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('whose links stay inside is read', async () => {
    const { path } = await sampleFolder()
    renameSync(join(path, 'blobs'), join(path, 'elsewhere'))
    symlinkSync('elsewhere', join(path, 'blobs'))
    await resolveOnly(path)
  })

  test.each([
    ['is no JSON', 'no json'],
    ['is an empty list', '[]'],
    ['is null', 'null'],
    ['names a path for a digest', list([{ ...entry(), digest: 'sha256:../../../etc/passwd' }])],
    ['gives a negative size', list([{ ...entry(), size: -1 }])],
    ['is a manifest and an index at once', JSON.stringify({ schemaVersion: 2, manifests: [], config: {}, layers: [] })],
    ['is larger than 4 MiB', `"${'x'.repeat(5 * 1024 * 1024)}"`],
  ])('whose index.json %s is refused', async (_, text) => {
    const { path } = await sampleFolder()
    writeFileSync(join(path, 'index.json'), text)
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('whose index announces another size is refused', async () => {
    const { path, content } = await sampleFolder()
    for (const size of [content.root.size - 1, content.root.size + 1]) {
      writeFileSync(join(path, 'index.json'), list([{ ...content.root, size }]))
      await expect(resolveOnly(path)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    }
    writeFileSync(join(path, 'index.json'), list([{ ...content.root, size: 2 ** 40 }]))
    await expect(resolveOnly(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('whose manifest was changed is refused', async () => {
    const { path, content } = await sampleFolder()
    const file = join(path, 'blobs/sha256', content.root.digest.slice(7))
    const text = readFileSync(file, 'utf8')
    rmSync(file)
    writeFileSync(file, text.replace('gzip', 'gzap'))
    await expect(resolveOnly(path)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  test('whose indexes never end is refused', async () => {
    const { path } = await sampleFolder()
    let inner = entry()
    for (let depth = 0; depth < 6; depth++) {
      const text = list([inner])
      inner = { mediaType: mediaTypes.ociIndex, digest: digestOf(text), size: text.length }
      writeFileSync(join(path, 'blobs/sha256', inner.digest.slice(7)), text)
    }
    writeFileSync(join(path, 'index.json'), list([inner]))
    await expect(resolveOnly(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('that lacks a blob says which', async () => {
    const { path, content } = await sampleFolder()
    rmSync(join(path, 'blobs/sha256', content.root.digest.slice(7)))
    await expect(resolveOnly(path)).rejects.toMatchObject({
      code: 'BLOB_NOT_FOUND',
      message: expect.stringContaining(content.root.digest) as string,
    })
  })

  test.each(['../secret', '/etc/passwd', 'a/../../secret', ''])(
    'whose manifest.json names the config %j is refused',
    async (config) => {
      const folder = temporaryFolder()
      mkdirSync(join(folder, 'archive'))
      writeFileSync(join(folder, 'secret'), '{"rootfs":{"type":"layers","diff_ids":[]}}')
      writeFileSync(join(folder, 'archive/manifest.json'), JSON.stringify([{ Config: config, Layers: [] }]))
      await expect(openLayout(join(folder, 'archive'))).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
    },
  )

  test('that is an archive of something else, compressed, or cut short is refused', async () => {
    const path = join(temporaryFolder(), 'image.tar')
    writeFileSync(path, tarOf({ '../index.json': '{}', file: 'x' }))
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
    writeFileSync(path, execFileSync('gzip', ['-c'], { input: tarOf({ file: 'x' }) }))
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
    writeFileSync(path, tarOf({ file: 'x'.repeat(1000) }).subarray(0, 1000))
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test('that is not there is not found', async () => {
    await expect(openLayout(join(temporaryFolder(), 'nowhere'))).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
  })
})

async function sample(put: (blobs: ReturnType<typeof openDiskBlobs>) => Promise<Descriptor> = putSampleImage) {
  const folder = temporaryFolder()
  const blobs = openDiskBlobs(join(folder, 'store'), join(folder, 'staged'))
  const root = await put(blobs)
  const read = ({ digest }: Descriptor) => blobs.get(digest)
  const content: LayoutContent = { root, names: [name], created: new Date(0), read }
  return { folder, blobs, content }
}

async function sampleFolder() {
  const { folder, content } = await sample()
  const path = join(folder, 'layout')
  await writeLayoutFolder(path, content)
  return { folder, path, content }
}

async function written(
  folder: string,
  content: LayoutContent,
  form: 'folder' | 'OCI archive' | 'Docker archive',
): Promise<Layout> {
  const path = join(folder, 'written')
  if (form === 'folder') await writeLayoutFolder(path, content)
  else
    await pipeline(
      form === 'OCI archive' ? packOciArchive(content) : packDockerArchive(content),
      createWriteStream(path),
    )
  return openLayout(path)
}

async function imagesOf(path: string) {
  await using layout = await openLayout(path)
  return layout.images.map(({ descriptor, names }) => [descriptor.digest, names[0]])
}

async function resolveOnly(path: string) {
  await using layout = await openLayout(path)
  return await layout.resolve({ by: 'only' }, amd64)
}

function entry(): Descriptor {
  return { mediaType: mediaTypes.ociManifest, digest: digestOf('nothing'), size: 7 }
}

function list(manifests: readonly object[]): string {
  return JSON.stringify({ schemaVersion: 2, manifests })
}

function skopeoDigest(image: string): string {
  return execFileSync('skopeo', ['inspect', '--format', '{{.Digest}}', image], { encoding: 'utf8' }).trim()
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  await collect(source)
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* bytes(text: string) {
  yield Buffer.from(text)
}
