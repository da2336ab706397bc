/**
 * The opaque position of a watch, in base64url: the `id` of its events.
 *
 *   version (1) · digest (4) · logs · feeds · marks · the feed of each data partition
 *   logs     how many (1), and for each: length of the node's id (1), the id, the number of the log (varint)
 *   feeds    how many (1), and for each: which log (1), sequence (varint)
 *   marks    the same
 *   feed     half a byte, or a whole one if there are more than 15 feeds: 0 for none, otherwise its number from 1 on
 *
 * The digest covers the bucket and everything after it. It is a checksum against damaged tokens and mixed-up buckets. It
 * need not resist forgery: a reader that may watch a bucket may watch it from anywhere.
 */
import { PARTITION_COUNT } from '../../core/placement/topology.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import { xxh32 } from '../../core/hash/xxh32.ts'
import type { LogPlace, Position } from '../../core/watch/position.ts'
import { assert } from '../../core/assert.ts'
import { readVarint, VARINT_BYTES_MAX, writeVarint } from './varint.ts'

const VERSION = 1
const HEAD_BYTES = 5
/** With more feeds than this, a number does not fit into half a byte. */
const HALF_BYTE_MAX = 15
const TOKEN = /^[A-Za-z0-9_-]{8,8192}$/
const NODE = /^[a-z0-9-]{1,32}$/

export function encodePosition({ feeds, marks }: Position, bucket: string): string {
  assert(feeds.length < 256, 'the number of a feed is a byte')
  const logs: LogPlace[] = []
  const indexOf = ({ node, life }: LogPlace): number => {
    const at = logs.findIndex((log) => log.node === node && log.life === life)
    return at >= 0 ? at : logs.push({ node, life, sequence: 0 }) - 1
  }
  const places = [feeds, marks].map((list) =>
    list.map((place) => ({ log: indexOf(place), sequence: place.sequence })),
  )
  const count = logs.length + feeds.length + marks.length
  const bytes = Buffer.alloc(HEAD_BYTES + 3 + count * (33 + VARINT_BYTES_MAX) + PARTITION_COUNT)
  let at = HEAD_BYTES
  bytes[at++] = logs.length
  for (const { node, life } of logs) {
    bytes[at++] = node.length
    at += bytes.write(node, at, 'latin1')
    at = writeVarint(bytes, at, life)
  }
  for (const list of places) {
    bytes[at++] = list.length
    for (const { log, sequence } of list) {
      bytes[at++] = log
      at = writeVarint(bytes, at, sequence)
    }
  }
  const perByte = feedsPerByte(feeds.length)
  for (const [i, { partitions }] of feeds.entries()) {
    for (const partition of partitions) {
      const byte = at + Math.floor(partition / perByte)
      bytes[byte] = (bytes[byte] as number) | ((i + 1) << (4 * (partition % perByte)))
    }
  }
  const end = at + PARTITION_COUNT / perByte
  bytes[0] = VERSION
  bytes.writeUInt32BE(digestOf(bytes.subarray(HEAD_BYTES, end), bucket), 1)
  return bytes.toString('base64url', 0, end)
}

/** Undefined if it is not a position of a watch of that bucket. */
export function decodePosition(token: string, bucket: string): Position | undefined {
  if (!TOKEN.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  if (bytes[0] !== VERSION || bytes.length < HEAD_BYTES) return undefined
  const body = bytes.subarray(HEAD_BYTES)
  if (bytes.readUInt32BE(1) !== digestOf(body, bucket)) return undefined
  const reader = new Reader(body)
  try {
    return reader.position()
  } catch {
    return undefined
  }
}

/** Throws on anything that `encodePosition` does not write. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  position(): Position {
    const logs = this.#list(() => ({ node: this.#node(), life: this.#number() }))
    const place = (): LogPlace => {
      const log = logs[this.#byte()]
      if (log === undefined) throw new Error('no such log')
      return { ...log, sequence: this.#number() }
    }
    const feeds = this.#list(place).map((feed) => ({ ...feed, partitions: [] as number[] }))
    const marks = this.#list(place)
    const perByte = feedsPerByte(feeds.length)
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      const byte = this.#bytes[this.#at + Math.floor(partition / perByte)]
      if (byte === undefined) throw new Error('it ends too early')
      const number = perByte === 1 ? byte : (byte >> (4 * (partition % 2))) & 15
      if (number > feeds.length) throw new Error('no such feed')
      feeds[number - 1]?.partitions.push(partition)
    }
    if (this.#at + PARTITION_COUNT / perByte !== this.#bytes.length) {
      throw new Error('it is too long')
    }
    return { feeds, marks }
  }

  #list<T>(read: () => T): T[] {
    return Array.from({ length: this.#byte() }, read)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Error('it ends too early')
    return byte
  }

  #node(): string {
    const length = this.#byte()
    const node = this.#bytes.toString('latin1', this.#at, this.#at + length)
    this.#at += length
    if (!NODE.test(node) || node.length !== length) throw new Error('not the id of a node')
    return node
  }

  #number(): number {
    const read = readVarint(this.#bytes, this.#at)
    if (read === undefined) throw new Error('not a number')
    this.#at = read.end
    return read.value
  }
}

function feedsPerByte(feeds: number): 1 | 2 {
  return feeds > HALF_BYTE_MAX ? 1 : 2
}

function digestOf(body: Uint8Array, bucket: string): number {
  return xxh32(body, hashText(bucket))
}
