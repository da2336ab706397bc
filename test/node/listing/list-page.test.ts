/** A page of a list of keys arrives as it was sent, in the form of either version, and garbage is known for what it is. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { answerFor2, type OwnerPage, pageIn } from '../../../src/node/listing/list-page.ts'
import { mergePages } from '../../../src/node/listing/merged-pages.ts'
import { encodeHead, headOf } from '../../../src/node/storage/record-head.ts'
import { LIST, type PageAnswer } from '../../../src/node/wire/asks/list-asks.ts'
import type { Encodable } from '../../../src/ports/codec.ts'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const RUNS = { numRuns: 200, seed: 20_261_129 }
const BUCKET = { name: 'default', mode: 'siblings', n: 3 } as Bucket

/** The head of a record with one value of so many bytes. */
function head(actor: string, timestamp: number, bytes: number, tombstone = false): Uint8Array {
  const dot = { actor, timestamp }
  const sibling = {
    ...dot,
    tombstone,
    expiresAtMs: 0,
    value: new Uint8Array(bytes),
    contentType: 'text/plain',
  }
  const vector = vectorOf([[actor, timestamp]])
  return msgpackCodec.encode(encodeHead(headOf({ vector, siblings: [sibling] })))
}

const listed = fc
  .tuple(fc.string(), fc.string({ minLength: 1 }), fc.nat(), fc.nat({ max: 500 }))
  .map(([key, actor, timestamp, bytes]) => ({ key, head: head(actor, timestamp, bytes) }))
const page = fc.record({
  until: fc.option(fc.string(), { nil: undefined }),
  entries: fc.array(listed, { maxLength: 20 }),
  doubtful: fc.array(fc.nat({ max: 127 }), { maxLength: 5 }),
})

/** The page as the coordinator reads it; undefined if it is garbage. */
function sent(answer: PageAnswer): OwnerPage | undefined {
  const fields: Encodable[] = []
  LIST.encodeAnswer(answer, fields)
  return read(msgpackCodec.decode(msgpackCodec.encode(fields)) as Encodable[])
}

function read(fields: Encodable[]): OwnerPage | undefined {
  try {
    return pageIn(msgpackCodec, LIST.decodeAnswer(fields))
  } catch {
    return undefined
  }
}

function plain(of: OwnerPage | undefined): unknown {
  if (of === undefined) return undefined
  const { until, entries, doubtful } = of
  return { until, doubtful, entries: entries.map(({ key, head }) => [key, [...head]]) }
}

describe('a page of a list of keys', () => {
  it('arrives as it was sent', () => {
    fc.assert(
      fc.property(page, (told) => {
        expect(plain(sent({ heads: 'encoded', ...told }))).toEqual(plain(told))
      }),
      RUNS,
    )
  })

  it('arrives from version 2 too, and for it where nothing is doubtful', () => {
    fc.assert(
      fc.property(page, (told) => {
        const whole = { ...told, doubtful: [] }
        expect(plain(sent(answerFor2(msgpackCodec, whole)))).toEqual(plain(whole))
        // Otherwise it is garbage, or its doubt arrives: never a page without doubt.
        const doubted = sent(answerFor2(msgpackCodec, told))
        expect(doubted === undefined || doubted.doubtful.length === told.doubtful.length).toBe(true)
      }),
      RUNS,
    )
  })

  it('is refused where it is garbage', () => {
    const bodies: Encodable[][] = [
      [],
      [1],
      [null, 7],
      [null, [], 'key'],
      [null, [], 'key', 'head'],
      [null, ['key', [], [1]]],
      [null, ['key', 3, []]],
      [null, [0.5]],
      [null, ['key', [], []], 'more'],
    ]
    expect(bodies.map(read)).toEqual(bodies.map(() => undefined))
  })
})

describe('the pages of several owners', () => {
  const pageOf = (key: string, bytes: Uint8Array, until?: string): OwnerPage => ({
    until,
    entries: [{ key, head: bytes }],
    doubtful: [],
  })

  it('come to one key where all have the same, and to siblings where they differ', () => {
    const pages = [head('n1@1', 5, 10), head('n1@1', 5, 10), head('n2@1', 6, 20)]
    const merged = mergePages(
      msgpackCodec,
      BUCKET,
      pages.map((bytes) => pageOf('k', bytes)),
    )
    expect(merged.doubtful).toEqual([])
    expect(merged.keys).toHaveLength(1)
    const [{ object, sizes }] = merged.keys as [(typeof merged.keys)[0]]
    expect(object.siblings.map(({ actor }) => actor)).toEqual(['n1@1', 'n2@1'])
    expect([...sizes.values()]).toEqual([10, 20])
  })

  it('are told as far as all owners have looked, in the order of the keys', () => {
    const bytes = head('n1@1', 5, 1)
    const pages = [pageOf('b', bytes, 'b'), pageOf('c', bytes), pageOf('a', bytes)]
    const merged = mergePages(msgpackCodec, BUCKET, pages)
    expect([merged.until, merged.keys.map(({ key }) => key)]).toEqual(['b', ['a', 'b']])
  })

  it('leave a key out whose head is damaged, and name its partition', () => {
    const pages = [pageOf('k', head('n1@1', 5, 1)), pageOf('k', Uint8Array.of(0x92, 0x90, 0x01))]
    const merged = mergePages(msgpackCodec, BUCKET, pages)
    expect([merged.keys, merged.doubtful.length]).toEqual([[], 1])
  })
})
