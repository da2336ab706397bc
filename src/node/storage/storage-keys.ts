/**
 * The key layout of a node's database, format 4. One order serves all: a data partition is one range, a
 * bucket within it another, an owner's hints a third.
 *
 *   d/<partition, two hex digits>/<bucket>/<key>   a record (object-record.ts) of a key this node owns
 *   i/<partition>/<leaf, three hex digits>/<bucket>/<key>
 *                                                  nothing: the key lies in that leaf of the hash tree
 *   k/<bucket>/<key>   the key in the order of its bucket, with the head of a large record (data-index.ts)
 *   g/<wall ms, eleven hex digits>/<partition>/<bucket>/<key>
 *                                                  nothing: from then on the record is a memory of deletes
 *   p/<partition>/<bucket>/<key>                   the ballot that was promised for a strong key, where it is above what
 *                                                  follows from its record (register-acceptor.ts)
 *   h/<owner>/<bucket>/<key>                       a record kept for an owner that was out of reach
 *   m/<name>                                       what the node knows of itself (node-state.ts)
 *   x/<key as above>                               the bytes of a record that was found damaged
 *
 * Bucket names and node ids have no slash, so a name splits in one way only. Every value is framed with a checksum of
 * its key and itself (record-frame.ts).
 */

export const STORAGE_FORMAT = 4
/** Without the keys under `i/` and `g/`, which follow from the records. */
export const FORMAT_WITHOUT_INDEX = 1
/** With these, and without those under `k/`. */
export const FORMAT_WITHOUT_KEY_INDEX = 3

export function dataKey(partition: number, bucket: string, key: string): string {
  return `d/${PARTITION_NAMES[partition] as string}/${bucket}/${key}`
}

/** The place in the key index of `bucket/key`. */
export function listKey(name: string): string {
  return `k/${name}`
}

/** The places of a bucket's keys with a prefix: `from <= key < to`. */
export function listRange(bucket: string, prefix: string): [from: string, to: string] {
  const from = listKey(`${bucket}/${prefix}`)
  return [from, afterPrefix(from)]
}

/** The whole key index. */
export const ALL_LISTED: [from: string, to: string] = ['k/', 'k0']

/** What lies beside the records, and follows from them. */
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
  /** `bucket/key`: what the hash that places the key is made of. */
  readonly name: string
}

/** The parts of a record's key; undefined where it is not one of a key this node owns. */
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

/** All graves up to that time. */
export function graveRange(untilMs: number): [from: string, to: string] {
  return ['g/', `g/${timeName(untilMs)}`]
}

export function parseGraveKey(grave: string): DataName {
  const start = 'g/'.length + TIME_DIGITS + 1
  const partition = Number.parseInt(grave.slice(start, start + 2), 16)
  return parseName(partition, grave.slice(start + 3))
}

/** Where the promise for the key of a record is kept. */
export function promiseKey(storageKey: string): string {
  return `p${storageKey.slice(1)}`
}

/** The record's key again. */
export function promisedRecordKey(promise: string): string {
  return `d${promise.slice(1)}`
}

export const ALL_PROMISES: [from: string, to: string] = ['p/', 'p0']

export function hintKey(owner: string, bucket: string, key: string): string {
  return `h/${owner}/${bucket}/${key}`
}

/** Damaged bytes that were set aside. */
export const ALL_REMAINS: [from: string, to: string] = ['x/', 'x0']

export const ALL_HINTS: [from: string, to: string] = ['h/', 'h0']

export interface HintName {
  readonly owner: string
  readonly bucket: string
  readonly key: string
}

/** The parts of a hint's key; undefined where it is not one. */
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

function parseName(partition: number, name: string): DataName {
  const slash = name.indexOf('/')
  return { partition, bucket: name.slice(0, slash), key: name.slice(slash + 1), name }
}

function timeName(ms: number): string {
  return Math.max(0, Math.floor(ms)).toString(16).padStart(TIME_DIGITS, '0')
}

const LETTER_D = 0x64
const SLASH = 0x2f
/** Enough for the year 2527. */
const TIME_DIGITS = 11

/** The first text, in UTF-8 order, after all that begin with `prefix`, which holds a character below U+10FFFF. */
function afterPrefix(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number)
  while (points.at(-1) === LAST_CODE_POINT) points.pop()
  const last = points.pop() as number
  const next = last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1
  return String.fromCodePoint(...points, next)
}

const LAST_CODE_POINT = 0x10ffff
/** Surrogates are not characters: UTF-8 has none of the code points between these two. */
const BEFORE_SURROGATES = 0xd7ff
const AFTER_SURROGATES = 0xe000

const PARTITION_NAMES = Array.from({ length: 256 }, (_, partition) =>
  partition.toString(16).padStart(2, '0'),
)
