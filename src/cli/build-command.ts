import { InvalidArgumentError, Option, type Command } from 'commander'
import { BuildError } from '../../core/errors.ts'
import type { OutputRequest } from '../config/request.ts'
import type { IsolationName } from '../../executor/index.ts'
import { parseCall, type Call } from './parse-call.ts'
import { parseAnnotation } from './parse-annotation.ts'
import { parseOutput } from './parse-output.ts'
import { parseSecret } from './parse-secret.ts'
import { parseSsh } from './parse-ssh.ts'
import { parseHost, parseSize, parseUlimits } from './parse-run-options.ts'
import type { BuildInvocation, ProgressKind } from './invocation.ts'
import { runBuild } from './run-build.ts'
import type { Terminal } from './terminal.ts'

/** The options as commander gives them. */
interface BuildOptions {
  readonly file?: string
  readonly tag?: readonly string[]
  readonly buildArg?: readonly string[]
  readonly buildContext?: readonly string[]
  readonly target?: string
  readonly label?: readonly string[]
  readonly cache: boolean
  readonly cacheFilter: readonly string[]
  readonly pull?: boolean
  readonly network: 'default' | 'none' | 'host'
  readonly allow?: readonly string[]
  readonly secret?: readonly string[]
  readonly ssh?: readonly string[]
  readonly addHost?: readonly string[]
  readonly shmSize?: string
  readonly cgroupParent?: string
  readonly ulimit?: readonly string[]
  readonly output?: readonly OutputRequest[]
  readonly push?: boolean
  readonly platform?: readonly string[]
  readonly annotation?: readonly string[]
  readonly check?: boolean
  readonly call?: Call
  readonly progress: ProgressKind
  readonly quiet?: boolean
  readonly iidfile?: string
  readonly metadataFile?: string
  readonly isolation: 'auto' | IsolationName
  readonly root?: string
}

export function addBuildCommand(program: Command, terminal: Terminal, setExitCode: (code: number) => void): void {
  program
    .command('build')
    .description('build an image from a Dockerfile')
    .argument('<context>', 'what COPY takes files from: a folder, a git address, a URL, or - for standard input')
    .option('-f, --file <path>', 'the Dockerfile: a path, a URL, or - for standard input (default: CONTEXT/Dockerfile)')
    .option('-t, --tag <name>', 'name for the image (repeatable)', collect)
    .option(
      '--build-arg <name[=value]>',
      'value of an ARG; without a value, that of the environment variable (repeatable)',
      collect,
    )
    .option(
      '--build-context <name=value>',
      'what NAME stands for: a folder, oci-layout://PATH[:TAG], docker-image://REF, a git address or a URL (repeatable)',
      collect,
    )
    .option('--target <stage>', 'stage to build (default: the last)')
    .option('--label <name=value>', 'label for the image (repeatable)', collect)
    .option('--no-cache', 'carry out every step, whatever is recorded')
    .option('--no-cache-filter <stages>', 'carry out every step of these stages (repeatable)', collect, [])
    .option('--pull', 'ask the registry what a tag is now, though the local store has the image')
    .addOption(
      new Option('--network <mode>', 'network of RUN steps').choices(['default', 'none', 'host']).default('default'),
    )
    .option(
      '--allow <entitlement>',
      'let RUN steps have network.host, security.insecure, or device[=name] (repeatable)',
      collect,
    )
    .option(
      '--secret <spec>',
      'secret for RUN steps, such as id=token,src=FILE or id=token,env=NAME (repeatable)',
      collect,
    )
    .option(
      '--ssh <id[=socket|keys]>',
      'ssh agent for RUN steps: default is that of SSH_AUTH_SOCK (repeatable)',
      collect,
    )
    .option('--add-host <name=address>', 'line for /etc/hosts of RUN steps (repeatable)', collect)
    .option('--shm-size <size>', 'size of /dev/shm of RUN steps, such as 128m')
    .option('--cgroup-parent <path>', 'control group that those of RUN steps are made below')
    .option('--ulimit <name=soft[:hard]>', 'limit of RUN steps, such as nofile=1024:4096 (repeatable)', collect)
    .option('-o, --output <spec>', 'where the result goes, such as type=oci,dest=app.tar (repeatable)', collectOutput)
    .option('--push', 'push the image under its names: short for --output=type=registry')
    .option('--platform <list>', 'platforms to build for, such as linux/amd64,linux/arm64 (repeatable)', collectList)
    .option('--annotation <[place:]key=value>', 'annotation of the manifest, or of another place (repeatable)', collect)
    .option('--check', 'look for mistakes instead of building: short for --call=check')
    .option(
      '--call <method>',
      'check, outline or targets: look at the Dockerfile instead of building; check,format=json|sarif for programs',
      readCall,
    )
    .addOption(
      new Option('--progress <kind>', 'how progress is shown')
        .choices(['auto', 'plain', 'quiet', 'rawjson'])
        .default('auto'),
    )
    .option('-q, --quiet', 'print the digest only: short for --progress=quiet')
    .option('--iidfile <path>', "write the image's id (digest of its config) to a file")
    .option('--metadata-file <path>', 'write what was built to a file, as JSON')
    .addOption(
      new Option('--isolation <kind>', 'sandbox of RUN steps')
        .choices(['auto', 'oci', 'native', 'chroot'])
        .default('auto'),
    )
    .option('--root <dir>', 'folder of the store (default: $STAVE_HOME)')
    .action(async (context: string, options: BuildOptions) => {
      const invocation = invocationOf(context, options, terminal.env)
      const call = options.call ?? (options.check === true ? parseCall('check') : undefined)
      if (call === undefined || call.method === 'build') setExitCode(await runBuild(invocation, terminal))
      else {
        const { runCall } = await import('./run-call.ts')
        setExitCode(await runCall(call, invocation.request, terminal))
      }
    })
}

function invocationOf(context: string, options: BuildOptions, env: Terminal['env']): BuildInvocation {
  const outputs = [...(options.output ?? []), ...(options.push === true ? [{ type: 'registry' } as const] : [])]
  return {
    request: {
      context,
      file: options.file,
      tags: options.tag,
      buildArgs: pairs('--build-arg', options.buildArg, (name) => env[name]),
      buildContexts: pairs('--build-context', options.buildContext),
      target: options.target,
      labels: pairs('--label', options.label, () => ''),
      noCache: !options.cache,
      noCacheFilter: options.cacheFilter,
      pull: options.pull,
      network: options.network,
      allow: options.allow,
      secrets: Object.fromEntries((options.secret ?? []).map((text) => parseSecret(text, env))),
      ssh: Object.fromEntries((options.ssh ?? []).map(parseSsh)),
      extraHosts: options.addHost?.map(parseHost),
      shmSizeBytes: options.shmSize === undefined ? undefined : parseSize('--shm-size', options.shmSize),
      cgroupParent: options.cgroupParent,
      ulimits: parseUlimits(options.ulimit ?? []),
      outputs,
      platform: options.platform,
      annotations: options.annotation?.flatMap(parseAnnotation),
      isolation: options.isolation,
      root: options.root,
    },
    progress: options.quiet === true ? 'quiet' : options.progress,
    iidFile: options.iidfile,
    metadataFile: options.metadataFile,
  }
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function readCall(value: string): Call {
  try {
    return parseCall(value)
  } catch (error) {
    throw asInvalidArgument(error)
  }
}

function collectList(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, ...value.split(',').map((word) => word.trim())]
}

function collectOutput(value: string, earlier: readonly OutputRequest[] = []): readonly OutputRequest[] {
  try {
    return [...earlier, parseOutput(value)]
  } catch (error) {
    throw asInvalidArgument(error)
  }
}

/** commander tells which option it was, and how options are shown. */
function asInvalidArgument(error: unknown): unknown {
  if (!(error instanceof BuildError)) return error
  return new InvalidArgumentError([error.message, error.hint].filter((part) => part !== undefined).join('. '))
}

/** `NAME=value`; without a value, what `missing` says. A name without any value is left out, as an unset environment variable is. */
function pairs(
  option: string,
  texts: readonly string[] = [],
  missing?: (name: string) => string | undefined,
): Readonly<Record<string, string>> {
  const entries = texts.flatMap((text): readonly (readonly [string, string])[] => {
    const equals = text.indexOf('=')
    const name = equals < 0 ? text : text.slice(0, equals)
    if (name === '' || (equals < 0 && missing === undefined)) {
      throw new BuildError('OPTION_INVALID', `Cannot read ${option} ${JSON.stringify(text)}: it must be NAME=VALUE`)
    }
    const value = equals < 0 ? missing?.(name) : text.slice(equals + 1)
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(entries)
}
