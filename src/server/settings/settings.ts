/**
 * The settings of one node: it reads them from QUORATE_* variables, checks them, and lists them for `--help`. One table
 * serves all three, so that the help always matches the parser. Pure: the environment is an argument.
 *
 * Invariant: the returned settings are valid; no later code checks them again.
 */
import { DEFAULT_ZONE } from '../../core/placement/member-syntax.ts'
import type { Member } from '../../core/placement/topology.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import { foreignNames } from './setting-names.ts'
import {
  parseAddress,
  parseAddressOrRange,
  parseBuckets,
  parseChoice,
  parseHosts,
  parseMembers,
  parseName,
  parseOrigins,
  parsePeerUrl,
  parsePeerUrls,
  parseText,
  parseWhole,
  parseYesNo,
  SettingError,
  type ConfiguredBucket,
  type ListenAddress,
} from './setting-syntax.ts'

export interface Settings {
  readonly nodeId: string
  /** The first members; empty for a node that joins. */
  readonly members: readonly Member[]
  /** How this node joins a running cluster; undefined for one of the first members. */
  readonly join: JoinSettings | undefined
  readonly dataDir: string
  readonly listen: ListenAddress
  readonly peerListen: ListenAddress
  readonly durability: 'sync' | 'os'
  readonly requestTimeoutMs: number
  readonly maxClockDriftMs: number
  readonly maxValueBytes: number
  readonly buckets: readonly ConfiguredBucket[]
  readonly cacheBytesMax: number
  readonly hintBytesPerOwnerMax: number
  readonly inflightRequestsMax: number
  /** Web origins, besides the node's own, whose pages may change something. */
  readonly allowedOrigins: readonly string[] | undefined
  /** Host names that are served; undefined serves all. */
  readonly allowedHosts: readonly string[] | undefined
  /** The directory of the built lab; undefined for the usual place. */
  readonly labDir: string | undefined
  readonly logLevel: LogLevel
  readonly chaos: boolean
  /** The newest version of the protocol between nodes that this node speaks. */
  readonly protocol: number
  readonly supervised: boolean
}

export interface JoinSettings {
  /** Peer ports of members, asked one after the other. */
  readonly seeds: readonly string[]
  /** The address at which the other nodes reach this node's peer port. */
  readonly peerUrl: string
  readonly zone: string
  /** The member whose place this node takes. */
  readonly replaces: string | undefined
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
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

/** The text that `--help` prints: every setting with its default and its meaning. */
export function describeSettings(): string {
  const lines = Object.entries(TABLE).map(([name, { fallback, about }]) => {
    const value = fallback === undefined ? '(required)' : fallback === '' ? '(none)' : fallback
    return `  ${`QUORATE_${name}`.padEnd(30)}${value.padEnd(16)}${about}`
  })
  return [
    'One node of a Quorate cluster. Settings are environment variables:',
    '',
    `  ${'variable'.padEnd(30)}${'default'.padEnd(16)}meaning`,
    ...lines,
    '',
    'Exit codes: 0 stopped, 1 could not start, 2 bad setting, 3 damaged database that no other node',
    'can fill, 4 not admitted to the cluster. A node that cannot continue kills itself.',
    'Signals: SIGTERM and SIGINT stop the node; SIGHUP is ignored.',
    '',
  ].join('\n')
}

const MIB = 1_048_576

interface Setting<T> {
  /** The value of an absent variable; undefined if the variable is required. */
  readonly fallback: string | undefined
  readonly about: string
  readonly parse: (text: string) => T
}

const TABLE = {
  NODE_ID: setting(
    undefined,
    'id of this node, one of QUORATE_MEMBERS or a new one: a-z 0-9 -, at most 32 characters',
    parseName,
  ),
  MEMBERS: setting(
    '',
    'the first members, the same list on each node: n1=http://n1:7080,n2=http://n2:7080#zone-b',
    optional(parseMembers),
  ),
  JOIN: setting(
    '',
    'instead of QUORATE_MEMBERS: members of the running cluster to join, http://n1:7080,http://n2:7080; ignored once joined',
    optional(parsePeerUrls),
  ),
  PEER_URL: setting(
    '',
    'with QUORATE_JOIN: how the others reach the peer port; http://<node id>:<peer port> if not set',
    optional(parsePeerUrl),
  ),
  REPLACES: setting(
    '',
    'with QUORATE_JOIN: the member whose place this node takes',
    optional(parseName),
  ),
  DATA_DIR: setting(
    undefined,
    'directory for the data of this node alone; created if absent',
    parseText,
  ),
  LISTEN: setting(
    '0.0.0.0:8080',
    'address for clients, host:port; port 0 takes a free one',
    parseAddress,
  ),
  PEER_LISTEN: setting(
    '0.0.0.0:7080',
    'address for the other nodes, host:port or range:port (10.213.0.0/16:7080); keep it from clients',
    parseAddressOrRange,
  ),
  ZONE: setting(
    '',
    'zone of this node; with QUORATE_MEMBERS it must be the #zone there',
    optional(parseName),
  ),
  DURABILITY: setting(
    'sync',
    'sync: acknowledge a write after fsync; os: before it, in every bucket that is not strong',
    (text) => parseChoice(text, ['sync', 'os'] as const),
  ),
  REQUEST_TIMEOUT_MS: setting(
    '2000',
    'milliseconds that a request may take if it names no timeout',
    (text) => parseWhole(text, 1, 60_000),
  ),
  MAX_CLOCK_DRIFT_MS: setting(
    '500',
    "milliseconds that another node's clock may be ahead; beyond, its messages are refused",
    (text) => parseWhole(text, 1, 3_600_000),
  ),
  MAX_VALUE_BYTES: setting(`${MIB}`, 'bytes of the largest value', (text) =>
    parseWhole(text, 1, 16 * MIB),
  ),
  BUCKETS: setting(
    '',
    'buckets to create at the start: carts=siblings,seen=lww;n=3;consistency=eventual;durability=os;ttl=3600',
    parseBuckets,
  ),
  CACHE_BYTES: setting(`${64 * MIB}`, 'bytes of values kept in memory', (text) =>
    parseWhole(text, 0, 1_048_576 * MIB),
  ),
  HINT_BYTES: setting(
    `${256 * MIB}`,
    'bytes of hints kept for one unreachable node, each with 512 bytes extra; more are dropped',
    (text) => parseWhole(text, 0, 1_048_576 * MIB),
  ),
  INFLIGHT_REQUESTS: setting(
    '1024',
    'client requests in progress at once; more are refused with 503',
    (text) => parseWhole(text, 1, 1_000_000),
  ),
  ALLOWED_ORIGINS: setting(
    '',
    "web origins, besides the node's own, whose pages may change something: https://app.example",
    optional(parseOrigins),
  ),
  ALLOWED_HOSTS: setting(
    '*',
    'host names that are served, against DNS rebinding: kv.example,*.kv.example; * serves all; IP addresses and localhost are always served',
    parseHosts,
  ),
  LAB_DIR: setting(
    '',
    'directory of the built lab, served at /ui/; dist/lab of the program if not set',
    optional(parseText),
  ),
  LOG_LEVEL: setting('info', `one of ${LOG_LEVELS.join(' ')}`, (text) =>
    parseChoice(text, LOG_LEVELS),
  ),
  CHAOS: setting(
    '0',
    '1: experiments may cut links to other nodes and set the clock wrong',
    parseYesNo,
  ),
  PROTOCOL: setting(
    `${VERSIONS.newest}`,
    'newest protocol version that this node speaks with other nodes; lower it only to test upgrades',
    (text) => parseWhole(text, VERSIONS.oldest, VERSIONS.newest),
  ),
  SUPERVISED: setting(
    '0',
    '1: stop when the parent process goes away (its IPC channel closes)',
    parseYesNo,
  ),
}

function setting<T>(
  fallback: string | undefined,
  about: string,
  parse: (text: string) => T,
): Setting<T> {
  return { fallback, about, parse }
}

/** Undefined for the empty text. */
function optional<T>(parse: (text: string) => T): (text: string) => T | undefined {
  return (text) => (text === '' ? undefined : parse(text))
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
    durability: read('DURABILITY'),
    requestTimeoutMs: read('REQUEST_TIMEOUT_MS'),
    maxClockDriftMs: read('MAX_CLOCK_DRIFT_MS'),
    maxValueBytes: read('MAX_VALUE_BYTES'),
    buckets,
    cacheBytesMax: read('CACHE_BYTES'),
    hintBytesPerOwnerMax: read('HINT_BYTES'),
    inflightRequestsMax: read('INFLIGHT_REQUESTS'),
    allowedOrigins: read('ALLOWED_ORIGINS'),
    allowedHosts: read('ALLOWED_HOSTS'),
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

interface GivenMembership {
  readonly members: readonly Member[] | undefined
  readonly seeds: readonly string[] | undefined
  readonly peerUrl: string | undefined
  readonly replaces: string | undefined
  readonly zone: string | undefined
}

function firstMembers(nodeId: string, given: GivenMembership): readonly Member[] {
  const { members, peerUrl, replaces, zone } = given
  if (members === undefined) {
    throw new SettingError(
      `QUORATE_MEMBERS is not set: ${TABLE.MEMBERS.about}; or QUORATE_JOIN, to join a running cluster`,
    )
  }
  for (const [name, value] of Object.entries({ PEER_URL: peerUrl, REPLACES: replaces })) {
    if (value === undefined) continue
    throw new SettingError(`QUORATE_${name} goes with QUORATE_JOIN, not with QUORATE_MEMBERS`)
  }
  checkMembership(nodeId, zone, members)
  return members
}

function joinSettings(nodeId: string, given: GivenMembership, peerPort: number): JoinSettings {
  const { members, seeds = [], replaces, zone = DEFAULT_ZONE } = given
  if (members !== undefined) {
    throw new SettingError(
      'QUORATE_JOIN and QUORATE_MEMBERS are both set: the first is for a node that joins a running cluster, the second for its first members',
    )
  }
  if (replaces === nodeId) {
    throw new SettingError(
      `QUORATE_REPLACES=${replaces}: a node takes the place of another one, under an id of its own`,
    )
  }
  if (given.peerUrl === undefined && peerPort === 0) {
    throw new SettingError(
      'QUORATE_PEER_URL is not set: the others have to know the port, which QUORATE_PEER_LISTEN leaves open',
    )
  }
  const peerUrl = given.peerUrl ?? `http://${nodeId}:${peerPort}`
  return { seeds, peerUrl, zone, replaces }
}

function checkMembership(
  nodeId: string,
  zone: string | undefined,
  members: readonly Member[],
): void {
  const self = members.find(({ id }) => id === nodeId)
  if (self === undefined) {
    const ids = members.map(({ id }) => id).join(', ')
    throw new SettingError(
      `QUORATE_NODE_ID=${nodeId} is not in QUORATE_MEMBERS, which lists ${ids}`,
    )
  }
  if (zone === undefined || zone === self.zone) return
  throw new SettingError(
    `QUORATE_ZONE=${zone} does not agree with QUORATE_MEMBERS, the same list on each node: ` +
      `write ${self.id}=${self.peerUrl}#${zone} there`,
  )
}
