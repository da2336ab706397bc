/**
 * The key layout of a node's database, format 4. The keys of a data partition form one range. So do the keys of a
 * bucket within a partition, and the hints for an owner.
 *
 *   d/<partition, two hex digits>/<bucket>/<key>   the record (object-record.ts) of a key that this node keeps
 *   i/<partition>/<leaf, three hex digits>/<bucket>/<key>
 *                                                  empty value: the key lies in that leaf of the hash tree
 *   k/<bucket>/<key>                               the key in the order of its bucket; the value is the head of a large
 *                                                  record, or empty (data-index.ts)
 *   g/<wall ms, eleven hex digits>/<partition>/<bucket>/<key>
 *                                                  a *grave*, with an empty value: from that time on the record holds
 *                                                  nothing live, so the collector may look at it
 *   p/<partition>/<bucket>/<key>                   the promised ballot of a strong key, if it is above the ballot that
 *                                                  its record implies (register-acceptor.ts)
 *   h/<owner>/<bucket>/<key>                       a hint: a record kept for an owner that was out of reach
 *   m/<name>                                       the node's own state (node-state.ts)
 *   x/<key as above>                               quarantine: the bytes of a damaged record
 *
 * A bucket is named by its name, not by its label (core/placement/bucket-name.ts). Bucket names and node ids contain no
 * slash, so each key can be split in only one way. Every value is framed with a
 * checksum of its key and itself (record-frame.ts).
 */

export const STORAGE_FORMAT = 4
/**
 * A format without the keys under `i/`, `g/` and `k/`. They can be derived from the records. It also marks indexes that
 * have to be rebuilt (migration.ts).
 */
export const FORMAT_WITHOUT_INDEX = 1
/** A format with the keys under `i/` and `g/`, but without those under `k/`. */
export const FORMAT_WITHOUT_KEY_INDEX = 3

export function dataKey(partition: number, bucket: string, key: string): string {
  return `d/${PARTITION_NAMES[partition] as string}/${bucket}/${key}`
}

/** The entry of `bucket/key` in the key index. */
export function listKey(name: string): string {
  return `k/${name}`
}

/** The range of key index entries for a bucket's keys with a prefix: `from <= entry < to`. */
export function listRange(bucket: string, prefix: string): [from: string, to: string] {
  const from = listKey(`${bucket}/${prefix}`)
  return [from, afterPrefix(from)]
}

/** A text after all entries of that bucket in the key index, and before those of the next bucket. */
export function listedAfter(bucket: string): string {
  return listRange(bucket, '')[1]
}

/** The range of the whole key index. */
export const ALL_LISTED: [from: string, to: string] = ['k/', 'k0']

/** The ranges of all index entries, which can be derived from the records (data-index.ts). */
export const ALL_INDEXES: readonly [from: string, to: string][] = [
  ['g/', 'g0'],
  ['i/', 'i0'],
  ['k/', 'k0'],
]

/** The range of all records. */
export const ALL_RECORDS: [from: string, to: string] = ['d/', 'd0']

/** The range of all records of one data partition. */
export function partitionRange(partition: number): [from: string, to: string] {
  const name = PARTITION_NAMES[partition] as string
  return [`d/${name}/`, `d/${name}0`]
}

export interface DataName {
  readonly partition: number
  readonly bucket: string
  readonly key: string
  /** `bucket/key`: the hash of this text places the key. */
  readonly name: string
}

/** Splits the storage key of a data record. Returns undefined for any other storage key. */
export function parseDataKey(storageKey: string): DataName | undefined {
  if (storageKey.charCodeAt(0) !== LETTER_D || storageKey.charCodeAt(1) !== SLASH) return undefined
  const partition = Number.parseInt(storageKey.slice(2, 4), 16)
  return parseName(partition, storageKey.slice(5))
}

export function leafKey(partition: number, leaf: number, name: string): string {
  return `i/${PARTITION_NAMES[partition] as string}/${leaf.toString(16).padStart(3, '0')}/${name}`
}

/** The range of all keys of one leaf. */
export function leafRange(partition: number, leaf: number): [from: string, to: string] {
  const from = leafKey(partition, leaf, '')
  return [from, `${from.slice(0, -1)}0`]
}

export function parseLeafKey(leafKeyOfName: string): DataName {
  const partition = Number.parseInt(leafKeyOfName.slice(2, 4), 16)
  return parseName(partition, leafKeyOfName.slice('i/00/000/'.length))
}

export function graveKey(deadFromMs: number, partition: number, name: string): string {
  return `g/${timeName(deadFromMs)}/${PARTITION_NAMES[partition] as string}/${name}`
}

/** The range of all graves before that time. */
export function graveRange(untilMs: number): [from: string, to: string] {
  return ['g/', `g/${timeName(untilMs)}`]
}

export function parseGraveKey(grave: string): DataName {
  const start = 'g/'.length + TIME_DIGITS + 1
  const partition = Number.parseInt(grave.slice(start, start + 2), 16)
  return parseName(partition, grave.slice(start + 3))
}

/** The storage key of the promise that belongs to a record. */
export function promiseKey(storageKey: string): string {
  return `p${storageKey.slice(1)}`
}

/** The inverse of `promiseKey`. */
export function promisedRecordKey(promise: string): string {
  return `d${promise.slice(1)}`
}

export const ALL_PROMISES: [from: string, to: string] = ['p/', 'p0']

export function hintKey(owner: string, bucket: string, key: string): string {
  return `h/${owner}/${bucket}/${key}`
}

/** The range of the quarantine. */
export const ALL_QUARANTINED: [from: string, to: string] = ['x/', 'x0']

export const ALL_HINTS: [from: string, to: string] = ['h/', 'h0']

export interface HintName {
  readonly owner: string
  readonly bucket: string
  readonly key: string
}

/** Splits the storage key of a hint. Returns undefined for any other storage key. */
export function parseHintKey(hint: string): HintName | undefined {
  const match = /^h\/([^/]+)\/([^/]+)\/([\s\S]+)$/.exec(hint)
  if (match === null) return undefined
  const [, owner, bucket, key] = match as unknown as [string, string, string, string]
  return { owner, bucket, key }
}

export function metaKey(name: string): string {
  return `m/${name}`
}

export function quarantineKey(damaged: string): string {
  return `x/${damaged}`
}

/** The inverse of `quarantineKey`. */
export function quarantinedKey(quarantine: string): string {
  return quarantine.slice('x/'.length)
}

function parseName(partition: number, name: string): DataName {
  const slash = name.indexOf('/')
  return { partition, bucket: name.slice(0, slash), key: name.slice(slash + 1), name }
}

function timeName(ms: number): string {
  return Math.max(0, Math.floor(ms)).toString(16).padStart(TIME_DIGITS, '0')
}

const LETTER_D = 0x64
const SLASH = 0x2f
/** Eleven hex digits suffice until the year 2527. */
const TIME_DIGITS = 11

/** The first text in UTF-8 order after all texts with that prefix. It must contain a character below U+10FFFF. */
function afterPrefix(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number)
  while (points.at(-1) === LAST_CODE_POINT) points.pop()
  const last = points.pop() as number
  const next = last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1
  return String.fromCodePoint(...points, next)
}

const LAST_CODE_POINT = 0x10ffff
/** The code points between these two are surrogates. They are not characters, so UTF-8 cannot encode them. */
const BEFORE_SURROGATES = 0xd7ff
const AFTER_SURROGATES = 0xe000

const PARTITION_NAMES = Array.from({ length: 256 }, (_, partition) =>
  partition.toString(16).padStart(2, '0'),
)
