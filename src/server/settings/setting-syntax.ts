/**
 * Parses the text of one setting: numbers, addresses, member lists, bucket lists. Each function returns the value or
 * throws a `SettingError` that says what is allowed. The caller adds the name of the setting.
 */
import { isIPv4 } from 'node:net'
import { DEFAULT_ZONE, isName, NAME_RULE, peerUrlOf } from '../../core/placement/member-syntax.ts'
import type { Bucket, Member } from '../../core/placement/topology.ts'

export class SettingError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SettingError'
  }
}

export interface ListenAddress {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
}

/** A bucket to create at the start. Undefined members take the defaults of a new bucket. */
export interface ConfiguredBucket {
  readonly name: string
  readonly mode: 'siblings' | 'lww' | 'strong' | 'counter' | 'set'
  readonly n: number | undefined
  readonly consistency: 'weak' | 'eventual' | 'causal' | 'quorum' | 'all' | undefined
  readonly durability: Bucket['durability'] | undefined
  readonly ttlSeconds: number | undefined
}

const MEMBERS_MAX = 64
const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

export function parseText(text: string): string {
  return text
}

export function parseName(text: string): string {
  if (!isName(text)) throw new SettingError(`must be ${NAME_RULE}`)
  return text
}

export function parseChoice<T extends string>(text: string, choices: readonly T[]): T {
  if ((choices as readonly string[]).includes(text)) return text as T
  throw new SettingError(`must be one of ${choices.join(', ')}`)
}

export function parseYesNo(text: string): boolean {
  return parseChoice(text, ['0', '1']) === '1'
}

export function parseWhole(text: string, min: number, max: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new SettingError(`must be a whole number from ${min} to ${max}`)
}

/** Web origins as browsers write them, in lower case: `https://app.example,http://localhost:3000`. */
export function parseOrigins(text: string): readonly string[] {
  return listed(text.toLowerCase()).map((origin) => {
    if (/^https?:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.test(origin)) return origin
    throw new SettingError(
      'must be scheme, host and port of web pages, such as https://app.example,http://localhost:3000',
    )
  })
}

/**
 * Host names in lower case; `*.example.com` stands for all names below it. Undefined for `*`, which allows any name.
 */
export function parseHosts(text: string): readonly string[] | undefined {
  const hosts = listed(text.toLowerCase())
  if (hosts.includes('*')) return undefined
  return hosts.map((host) => {
    if (/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(host)) return host
    throw new SettingError(
      'must be host names without a port, such as kv.example,*.kv.example, or *',
    )
  })
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** `host:port`, `:port` for all addresses, `[host]:port` for IPv6. */
export function parseAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s/]*)):([0-9]{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new SettingError('must be host:port, such as 0.0.0.0:8080 or [::]:8080')
  }
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

/** An address, or a range of addresses such as `10.213.0.0/16:7080`: the node listens on those that the machine has. */
export function parseAddressOrRange(text: string): ListenAddress {
  const match = /^((?:\d{1,3}\.){3}\d{1,3}\/\d{1,2}):(\d{1,5})$/.exec(text)
  if (match === null) return parseAddress(text)
  const [, host, port] = match as unknown as [string, string, string]
  const [address = '', bits = ''] = host.split('/')
  if (!isIPv4(address) || Number(bits) > 32 || Number(port) > 65_535) {
    throw new SettingError('must be host:port, or a range of addresses such as 10.213.0.0/16:7080')
  }
  return { host, port: Number(port) }
}

/** `n1=http://n1:7080,n2=http://n2:7080#zone-b`, returned in the order of the ids. */
export function parseMembers(text: string): Member[] {
  const members = text.split(',').map((entry) => parseMember(entry.trim()))
  if (members.length > MEMBERS_MAX)
    throw new SettingError(`at most ${MEMBERS_MAX} members are allowed`)
  members.sort((a, b) => (a.id < b.id ? -1 : 1))
  members.forEach((member, i) => {
    const twin = members.find(
      (other, j) => j < i && (other.id === member.id || other.peerUrl === member.peerUrl),
    )
    if (twin === undefined) return
    const what = twin.id === member.id ? member.id : `${member.peerUrl} (${twin.id}, ${member.id})`
    throw new SettingError(`${what} is listed twice`)
  })
  return members
}

function parseMember(entry: string): Member {
  const equals = entry.indexOf('=')
  const id = entry.slice(0, Math.max(equals, 0))
  const wrong = new SettingError(
    `${JSON.stringify(entry)} must be id=http://host:port or id=http://host:port#zone, ` +
      `with ids and zones of ${NAME_RULE}`,
  )
  if (!isName(id)) throw wrong
  const [address = '', zone = DEFAULT_ZONE, ...more] = entry.slice(equals + 1).split('#')
  const peerUrl = peerUrlOf(address)
  if (more.length > 0 || !isName(zone) || peerUrl === undefined) throw wrong
  return { id, peerUrl, zone }
}

/** One address of a peer port: `http://n1:7080`. */
export function parsePeerUrl(text: string): string {
  const peerUrl = peerUrlOf(text)
  if (peerUrl === undefined) throw new SettingError('must be http://host:port')
  return peerUrl
}

/** `http://n1:7080,http://n2:7080`. */
export function parsePeerUrls(text: string): string[] {
  const urls = text.split(',').map((entry) => parsePeerUrl(entry.trim()))
  if (urls.length > MEMBERS_MAX) {
    throw new SettingError(`at most ${MEMBERS_MAX} addresses are allowed`)
  }
  const twin = urls.find((url, i) => urls.indexOf(url) < i)
  if (twin !== undefined) throw new SettingError(`${twin} is listed twice`)
  return urls
}

/** `carts=siblings,sessions=lww;n=3;consistency=eventual;durability=os;ttl=3600`; '' is an empty list. */
export function parseBuckets(text: string): ConfiguredBucket[] {
  if (text.trim() === '') return []
  const buckets = text.split(',').map((entry) => parseBucket(entry.trim()))
  const names = new Set<string>()
  for (const { name } of buckets) {
    if (names.has(name)) throw new SettingError(`the bucket ${name} is listed twice`)
    names.add(name)
  }
  return buckets
}

function parseBucket(entry: string): ConfiguredBucket {
  const [head = '', ...options] = entry.split(';')
  const [name, mode] = splitPair(head)
  if (!BUCKET_NAME.test(name)) {
    throw new SettingError(
      `${JSON.stringify(entry)} must be name=mode, with a name of a-z, 0-9, . _ and -`,
    )
  }
  const given = new Map<string, string>()
  for (const option of options) {
    const [optionName, value] = splitPair(option)
    if (!BUCKET_OPTIONS.includes(optionName) || given.has(optionName)) {
      throw new SettingError(
        `${name}: each of ${BUCKET_OPTIONS.join(', ')} may follow once, as ;n=3`,
      )
    }
    given.set(optionName, value)
  }
  const read = <T>(option: string, parse: (value: string) => T): T | undefined => {
    const value = given.get(option)
    return value === undefined ? undefined : within(`${name}, ${option}`, () => parse(value))
  }
  const chosen = within(name, () =>
    parseChoice(mode, ['siblings', 'lww', 'strong', 'counter', 'set'] as const),
  )
  if (chosen === 'strong') refuseOptions(name, given, ['consistency', 'durability'], chosen)
  if (chosen === 'counter' || chosen === 'set') refuseOptions(name, given, ['ttl'], chosen)
  return {
    name,
    mode: chosen,
    n: read('n', (value) => parseWhole(value, 1, MEMBERS_MAX)),
    consistency: read('consistency', (value) =>
      parseChoice(value, ['weak', 'eventual', 'causal', 'quorum', 'all']),
    ),
    durability: read('durability', (value) => parseChoice(value, ['sync', 'os'])),
    ttlSeconds: read('ttl', (value) => parseWhole(value, 1, 315_360_000)),
  }
}

function refuseOptions(
  name: string,
  given: ReadonlyMap<string, string>,
  refused: readonly string[],
  mode: string,
): void {
  const option = refused.find((each) => given.has(each))
  if (option === undefined) return
  throw new SettingError(`${name}: a bucket of mode ${mode} takes no ;${option}=`)
}

const BUCKET_OPTIONS: readonly string[] = ['n', 'consistency', 'durability', 'ttl']

function splitPair(text: string): [name: string, value: string] {
  const equals = text.indexOf('=')
  if (equals < 0) return [text.trim(), '']
  return [text.slice(0, equals).trim(), text.slice(equals + 1).trim()]
}

function within<T>(place: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(`${place}: ${error.message}`)
    throw error
  }
}
