/** Streams of pages merge into every key once, in order, with the records of each stream that has it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys } from '../../../src/core/placement/key-order.ts'
import { type KeyStream, mergedKeys } from '../../../src/node/backup/key-streams.ts'
import type { CutPage, CutRecord } from '../../../src/node/wire/asks/cut-asks.ts'

const RUNS = { numRuns: 300, seed: 20_261_130 }
const NOTHING = new Uint8Array(0)

function streamOf(source: number, keys: readonly string[], sizes: readonly number[]) {
  let page = 0
  return {
    source,
    load: async (after: string): Promise<CutPage> => {
      const rest = keys.filter((key) => after === '' || compareKeys(key, after) > 0)
      const size = sizes[page++ % sizes.length] as number
      const records = rest.slice(0, size).map((key): CutRecord => ({ key, record: NOTHING }))
      return { records, next: rest.length > size ? records.at(-1)?.key : undefined }
    },
  } satisfies KeyStream<number>
}

async function merged(streams: readonly KeyStream<number>[]): Promise<[string, number[]][]> {
  const all: [string, number[]][] = []
  for await (const { key, records } of mergedKeys(streams)) {
    all.push([key, records.map(({ source }) => source)])
  }
  return all
}

test('key streams: give every key once, in order', async () => {
  // The order of UTF-8 is not the one of UTF-16.
  const unit = fc.constantFrom('a', 'b', '\uffff', '\u{1f600}')
  const keys = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 2, unit }), { maxLength: 12 })
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(keys, sizes), { maxLength: 4 }), async (lists) => {
      const streams = lists.map(([some, pages], i) => streamOf(i, some.sort(compareKeys), pages))
      const distinct = [...new Set(lists.flatMap(([some]) => some))].sort(compareKeys)
      const expected = distinct.map((key) => [
        key,
        lists.flatMap(([some], i) => (some.includes(key) ? [i] : [])),
      ])
      expect(await merged(streams)).toEqual(expected)
    }),
    RUNS,
  )
})

test('key streams: go on behind a page without records', async () => {
  const pages: CutPage[] = [
    { records: [], next: 'b' },
    { records: [{ key: 'c', record: NOTHING }], next: 'd' },
    { records: [], next: undefined },
  ]
  const load = (): Promise<CutPage> => Promise.resolve(pages.shift() as CutPage)
  expect(await merged([{ source: 0, load }])).toEqual([['c', [0]]])
})

test('key streams: reject if a stream fails, or its keys are not in order', async () => {
  const failing = { source: 0, load: () => Promise.reject(new Error('gone')) }
  const good = streamOf(1, ['a', 'b'], [1])
  await expect(merged([good, failing])).rejects.toThrow('gone')
  const records = ['b', 'a'].map((key) => ({ key, record: NOTHING }))
  const load = (): Promise<CutPage> => Promise.resolve({ records, next: undefined })
  await expect(merged([{ source: 0, load }])).rejects.toThrow('not in order')
})
