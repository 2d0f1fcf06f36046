import { isIP } from 'node:net'
import { BuildError } from '../../core/errors.ts'
import type { RunLimits } from '../../core/ops.ts'
import { cleanPath, rootedPath } from '../../core/patterns/clean-path.ts'
import { isUlimitName, ulimitNames, type Ulimit } from '../../core/ulimits.ts'
import type { ExtraHost } from '../../frontend/index.ts'
import { resolveAgent, type AgentSource } from './agents.ts'
import type { BuildRequest } from './request.ts'
import { resolveSecret, type SecretSource } from './secrets.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a request says of RUN instructions, checked. */
export interface RunSettings {
  readonly extraHosts: readonly ExtraHost[]
  readonly limits: RunLimits
  readonly entitlements: ReadonlySet<string>
  readonly secrets: ReadonlyMap<string, SecretSource>
  readonly agents: ReadonlyMap<string, AgentSource>
}

/** @throws {BuildError} `OPTION_INVALID` */
export function resolveRunSettings(request: BuildRequest, env: Environment): RunSettings {
  return {
    extraHosts: (request.extraHosts ?? []).map(resolveHost),
    limits: {
      shmSizeBytes: shmSize(request.shmSizeBytes),
      ulimits: resolveUlimits(request.ulimits ?? {}),
      cgroupParent: resolveCgroup(request.cgroupParent),
    },
    entitlements: resolveEntitlements(request),
    secrets: mapValues(request.secrets, resolveSecret),
    agents: mapValues(request.ssh, (id, agent) => resolveAgent(id, agent, env)),
  }
}

/** Steps share the machine's network, so that the machine is where their own loopback leads. */
const hostGateway = '127.0.0.1'

function resolveHost({ host, address }: ExtraHost): ExtraHost {
  if (!/^[\w.-]+$/.test(host)) throw invalid(`Cannot add the host ${JSON.stringify(host)}: that is no host name`)
  if (address === 'host-gateway') return { host, address: hostGateway }
  if (isIP(address) !== 0) return { host, address }
  throw invalid(`Cannot add the host ${JSON.stringify(host)}: ${JSON.stringify(address)} is no IP address`, addHostHint)
}

const addHostHint = 'An address is such as 10.0.0.1 or fd00::1; host-gateway stands for this machine.'

function shmSize(sizeBytes: number | undefined): number | undefined {
  // A tmpfs without a size may take all memory.
  if (sizeBytes === undefined || (Number.isSafeInteger(sizeBytes) && sizeBytes > 0)) return sizeBytes
  throw invalid(`"shmSizeBytes" must be a whole number from 1; got ${JSON.stringify(sizeBytes)}`)
}

function resolveCgroup(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined
  if (!path.split('/').includes('..') && cleanPath(path) !== '/') return rootedPath(path)
  throw invalid(`"cgroupParent" must be the path of a control group; got ${JSON.stringify(path)}`)
}

function resolveUlimits(limits: NonNullable<BuildRequest['ulimits']>): readonly Ulimit[] {
  return Object.entries(limits).map(([name, { soft, hard = soft }]) => {
    if (!isUlimitName(name)) {
      throw invalid(
        `Cannot set the limit ${JSON.stringify(name)}: there is no such limit`,
        `It is one of: ${ulimitNames.join(', ')}.`,
      )
    }
    for (const value of [soft, hard]) {
      if (!Number.isSafeInteger(value) || value < -1)
        throw invalid(
          `Cannot set the limit ${name} to ${JSON.stringify(value)}: it must be a whole number, or -1 for no limit`,
        )
    }
    if (hard !== -1 && (soft === -1 || soft > hard))
      throw invalid(`Cannot set the limit ${name}: the soft limit ${soft} is above the hard limit ${hard}`)
    return { name, soft, hard }
  })
}

/** Whoever gives all steps the machine's network has allowed it: buildx's habit. */
function resolveEntitlements({ allow = [], network }: BuildRequest): ReadonlySet<string> {
  for (const entitlement of allow) {
    if (['network.host', 'security.insecure'].includes(entitlement) || /^device(?:=.+)?$/s.test(entitlement)) continue
    throw invalid(
      `Cannot allow ${JSON.stringify(entitlement)}: there is no such entitlement`,
      'It is one of: network.host, security.insecure, device, device=NAME.',
    )
  }
  return new Set(network === 'host' ? [...allow, 'network.host'] : allow)
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>> | undefined,
  resolveValue: (id: string, value: From) => To,
): ReadonlyMap<string, To> {
  return new Map(Object.entries(values ?? {}).map(([id, value]) => [id, resolveValue(id, value)]))
}

function invalid(message: string, hint?: string): BuildError {
  return new BuildError('OPTION_INVALID', message, { hint })
}
