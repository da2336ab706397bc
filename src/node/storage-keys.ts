/**
 * The key layout of a node's database, format 1. One order serves all: a data partition is one range, a
 * bucket within it another, an owner's hints a third.
 *
 *   d/<partition, two hex digits>/<bucket>/<key>   a record (object-record.ts) of a key this node owns
 *   h/<owner>/<bucket>/<key>                       a record kept for an owner that was out of reach
 *   m/<name>                                       what the node knows of itself (node-state.ts)
 *   x/<key as above>                               the bytes of a record that was found damaged
 *
 * Bucket names and node ids have no slash, so a name splits in one way only.
 */

export const STORAGE_FORMAT = 1

export function dataKey(partition: number, bucket: string, key: string): string {
  return `d/${PARTITION_NAMES[partition] as string}/${bucket}/${key}`
}

/** The range of a bucket's keys with a prefix in one data partition: `from <= key < to`. */
export function dataRange(
  partition: number,
  bucket: string,
  prefix: string,
): [from: string, to: string] {
  const from = dataKey(partition, bucket, prefix)
  return [from, afterPrefix(from)]
}

export function hintKey(owner: string, bucket: string, key: string): string {
  return `h/${owner}/${bucket}/${key}`
}

export const ALL_HINTS: [from: string, to: string] = ['h/', 'h0']

/** The parts of a hint's key; undefined where it is not one. */
export function parseHintKey(
  hint: string,
): { owner: string; bucket: string; key: string } | undefined {
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
