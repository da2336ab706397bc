/**
 * The settings of one node: it reads them from QUORATE_* variables and checks them. Pure: the environment is an
 * argument.
 *
 * Invariant: the returned settings are valid; no later code checks them again.
 */
import type { Member } from '../../core/placement/topology.ts'
import { type RequestLimitSettings, requestLimits, rootTokenFile } from './access-settings.ts'
import { firstMembers, type JoinSettings, joinSettings } from './membership-settings.ts'
import { foreignNames } from './setting-names.ts'
import { type ConfiguredBucket, type ListenAddress, SettingError } from './setting-syntax.ts'
import { type LOG_LEVELS, TABLE } from './setting-table.ts'
import {
  clientTlsSettings,
  type GivenTls,
  peerTlsSettings,
  type TlsSettings,
} from './tls-settings.ts'
import { type TraceSettings, traceSettings } from './trace-settings.ts'

export interface Settings {
  readonly nodeId: string
  /** The first members; empty for a node that joins. */
  readonly members: readonly Member[]
  /** How this node joins a running cluster; undefined for one of the first members. */
  readonly join: JoinSettings | undefined
  readonly dataDir: string
  readonly listen: ListenAddress
  readonly peerListen: ListenAddress
  /** The files of HTTPS for clients; undefined for plain HTTP. */
  readonly clientTls: TlsSettings | undefined
  /** The files of TLS between nodes; undefined for links without TLS. */
  readonly peerTls: (TlsSettings & { readonly isRequired: boolean }) | undefined
  readonly durability: 'sync' | 'os'
  readonly requestTimeoutMs: number
  readonly maxClockDriftMs: number
  readonly maxValueBytes: number
  readonly buckets: readonly ConfiguredBucket[]
  readonly cacheBytesMax: number
  readonly hintBytesPerOwnerMax: number
  readonly inflightRequestsMax: number
  /** Undefined for what the system allows. */
  readonly maxConnections: number | undefined
  /** How long a node that stops still serves. */
  readonly drainMs: number
  /** Web origins, besides the node's own, whose pages may change something. */
  readonly allowedOrigins: readonly string[] | undefined
  /** Host names that are served; undefined serves all. */
  readonly allowedHosts: readonly string[] | undefined
  /** The file of the root tokens. Undefined: the node takes requests without tokens. */
  readonly rootTokenFile: string | undefined
  readonly requestLimits: RequestLimitSettings
  /** `stdout`, or the file that takes the audit log; undefined without one. */
  readonly auditLog: string | undefined
  /** Undefined if nothing is traced. */
  readonly tracing: TraceSettings | undefined
  /** The directory of the built lab; undefined for the usual place. */
  readonly labDir: string | undefined
  readonly logLevel: LogLevel
  readonly chaos: boolean
  /** The newest version of the protocol between nodes that this node speaks. */
  readonly protocol: number
  readonly supervised: boolean
}

export type LogLevel = (typeof LOG_LEVELS)[number]

export type ParsedSettings =
  | {
      readonly ok: true
      readonly settings: Settings
      /** Variables that have the prefix of a setting but are none. */
      readonly ignored: readonly string[]
    }
  /** One line that names the bad setting and says what is allowed. */
  | { readonly ok: false; readonly problem: string }

export function parseSettings(env: Readonly<Record<string, string | undefined>>): ParsedSettings {
  try {
    const ignored = refuseForeign(env)
    return { ok: true, settings: readSettings(env), ignored }
  } catch (error) {
    if (error instanceof SettingError) return { ok: false, problem: error.message }
    throw error
  }
}

function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const read = <K extends keyof typeof TABLE>(name: K): ReturnType<(typeof TABLE)[K]['parse']> => {
    const { fallback, about, parse } = TABLE[name]
    // An empty variable counts as absent, because compose files cannot leave a variable out.
    const text = env[`QUORATE_${name}`] || fallback
    if (text === undefined) throw new SettingError(`QUORATE_${name} is not set: ${about}`)
    try {
      return parse(text) as ReturnType<(typeof TABLE)[K]['parse']>
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      throw new SettingError(`QUORATE_${name}=${JSON.stringify(text)}: ${error.message}`)
    }
  }
  const nodeId = read('NODE_ID')
  const given = {
    members: read('MEMBERS'),
    seeds: read('JOIN'),
    peerUrl: read('PEER_URL'),
    replaces: read('REPLACES'),
    zone: read('ZONE'),
  }
  const peerListen = read('PEER_LISTEN')
  const members = given.seeds === undefined ? firstMembers(nodeId, given) : []
  const join = given.seeds === undefined ? undefined : joinSettings(nodeId, given, peerListen.port)
  const tls: GivenTls = {
    TLS_CERT: read('TLS_CERT'),
    TLS_KEY: read('TLS_KEY'),
    TLS_CLIENT_CA: read('TLS_CLIENT_CA'),
    PEER_TLS_CERT: read('PEER_TLS_CERT'),
    PEER_TLS_KEY: read('PEER_TLS_KEY'),
    PEER_TLS_CA: read('PEER_TLS_CA'),
    PEER_TLS: env['QUORATE_PEER_TLS'] ? read('PEER_TLS') : undefined,
  }
  const buckets = read('BUCKETS')
  const tooWide = buckets.find(({ n }) => n !== undefined && n > members.length)
  // A node that joins a running cluster does not know the number of members yet.
  if (tooWide !== undefined && join === undefined) {
    throw new SettingError(
      `QUORATE_BUCKETS: ${tooWide.name} wants n=${tooWide.n} copies, but there are ${members.length} members`,
    )
  }
  return {
    nodeId,
    members,
    join,
    dataDir: read('DATA_DIR'),
    listen: read('LISTEN'),
    peerListen,
    clientTls: clientTlsSettings(tls),
    peerTls: peerTlsSettings(tls),
    durability: read('DURABILITY'),
    requestTimeoutMs: read('REQUEST_TIMEOUT_MS'),
    maxClockDriftMs: read('MAX_CLOCK_DRIFT_MS'),
    maxValueBytes: read('MAX_VALUE_BYTES'),
    buckets,
    cacheBytesMax: read('CACHE_BYTES'),
    hintBytesPerOwnerMax: read('HINT_BYTES'),
    inflightRequestsMax: read('INFLIGHT_REQUESTS'),
    maxConnections: read('MAX_CONNECTIONS'),
    drainMs: read('DRAIN_MS'),
    allowedOrigins: read('ALLOWED_ORIGINS'),
    allowedHosts: read('ALLOWED_HOSTS'),
    rootTokenFile: rootTokenFile(read('AUTH'), read('ROOT_TOKEN_FILE')),
    requestLimits: requestLimits(read('AUTH'), {
      tokenPerSecond: read('TOKEN_REQUESTS_PER_SECOND'),
      tokenInFlight: read('TOKEN_INFLIGHT_REQUESTS'),
      strangerPerSecond: read('STRANGER_REQUESTS_PER_SECOND'),
    }),
    auditLog: read('AUDIT_LOG'),
    tracing: traceSettings(env),
    labDir: read('LAB_DIR'),
    logLevel: read('LOG_LEVEL'),
    chaos: read('CHAOS'),
    protocol: read('PROTOCOL'),
    supervised: read('SUPERVISED'),
  }
}

/** Returns the ignored names. Throws on a misspelled or unsupported setting. */
function refuseForeign(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const { unknown, unsupported, misspelled } = foreignNames(env, Object.keys(TABLE))
  if (unsupported !== undefined) {
    throw new SettingError(
      `${unsupported} is set, but this version does not support it: the node would run without that protection; unset it`,
    )
  }
  if (misspelled === undefined) return unknown
  const { name, meant } = misspelled
  throw new SettingError(
    `${name} is not a setting: is ${meant} meant? node src/main.ts --help lists them`,
  )
}
