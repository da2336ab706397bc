/**
 * The table of all settings: their defaults, their meaning, and how the text of each is read. The parser (settings.ts)
 * and `--help` both use it, so that the help always matches.
 */
import { REQUESTS_PER_SECOND_MAX } from '../../core/access/access-token.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
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
} from './setting-syntax.ts'
import { TRACE_TABLE } from './trace-settings.ts'

const MIB = 1_048_576

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

interface Setting<T> {
  /** The value of an absent variable; undefined if the variable is required. */
  readonly fallback: string | undefined
  readonly about: string
  readonly parse: (text: string) => T
}

/** By name without the prefix. */
export const TABLE = {
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
  TLS_CERT: setting(
    '',
    'PEM file: the certificate for clients, which makes the client port HTTPS; read again when it changes, as are all PEM files',
    optional(parseText),
  ),
  TLS_KEY: setting('', 'PEM file: the key of QUORATE_TLS_CERT', optional(parseText)),
  TLS_CLIENT_CA: setting(
    '',
    'PEM file: CAs of clients; a client must show a certificate of one of them, except for /livez and /readyz',
    optional(parseText),
  ),
  PEER_TLS_CERT: setting(
    '',
    'PEM file: the certificate for the other nodes; it must name QUORATE_NODE_ID as a DNS name',
    optional(parseText),
  ),
  PEER_TLS_KEY: setting('', 'PEM file: the key of QUORATE_PEER_TLS_CERT', optional(parseText)),
  PEER_TLS_CA: setting('', "PEM file: CAs that sign the nodes' certificates", optional(parseText)),
  PEER_TLS: setting(
    'required',
    'with QUORATE_PEER_TLS_CERT: required; or optional, which also accepts and tries links without TLS, while nodes are switched one by one',
    (text) => parseChoice(text, ['required', 'optional'] as const),
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
  MAX_CONNECTIONS: setting(
    '',
    'client connections at once; more are refused with 503; half of the open files that the system allows if not set',
    optional((text) => parseWhole(text, 1, 1_000_000)),
  ),
  DRAIN_MS: setting(
    '0',
    'milliseconds that a node which stops still serves while /readyz is 503, so that load balancers find other nodes',
    (text) => parseWhole(text, 0, 600_000),
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
  AUTH: setting('off', 'on: clients need tokens; the same on each node', (text) =>
    parseChoice(text, ['on', 'off'] as const),
  ),
  ROOT_TOKEN_FILE: setting(
    '',
    'with QUORATE_AUTH=on: file with a token that may do everything, at least 32 characters; one a line',
    optional(parseText),
  ),
  TOKEN_REQUESTS_PER_SECOND: setting(
    '0',
    'with QUORATE_AUTH=on: requests a second that each token may send to this node; more are refused with 429; 0: no limit',
    (text) => parseWhole(text, 0, REQUESTS_PER_SECOND_MAX),
  ),
  TOKEN_INFLIGHT_REQUESTS: setting(
    '0',
    'with QUORATE_AUTH=on: requests of one token in progress at once, open watches among them; more are refused with 429; 0: no limit',
    (text) => parseWhole(text, 0, 1_000_000),
  ),
  STRANGER_REQUESTS_PER_SECOND: setting(
    '100',
    'with QUORATE_AUTH=on: requests a second without a valid token that are answered with 401, by client address; more are 429; 0: no limit',
    (text) => parseWhole(text, 0, REQUESTS_PER_SECOND_MAX),
  ),
  AUDIT_LOG: setting(
    '',
    'stdout, or a file: takes one JSON line a request that writes or administers; refused requests beyond ten a second and token share one',
    optional(parseText),
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

/** The text that `--help` prints: every setting with its default and its meaning. */
export function describeSettings(): string {
  const prefixed = Object.entries(TABLE).map(
    ([name, setting]) => [`QUORATE_${name}`, setting] as const,
  )
  const all = [...prefixed, ...Object.entries(TRACE_TABLE)]
  const width = Math.max(...all.map(([{ length }]) => length)) + 2
  const lines = all.map(([name, { fallback, about }]) => {
    const value = fallback === undefined ? '(required)' : fallback === '' ? '(none)' : fallback
    return `  ${name.padEnd(width)}${`${value} `.padEnd(16)}${about}`
  })
  return [
    'One node of a Quorate cluster. Settings are environment variables:',
    '',
    `  ${'variable'.padEnd(width)}${'default'.padEnd(16)}meaning`,
    ...lines,
    '',
    'Exit codes: 0 stopped, 1 could not start, 2 bad setting, 3 damaged database that no other node',
    'can fill, 4 not admitted to the cluster. A node that cannot continue kills itself.',
    'Signals: SIGTERM and SIGINT stop the node, a second one ends it at once; SIGHUP is ignored.',
    '',
  ].join('\n')
}
