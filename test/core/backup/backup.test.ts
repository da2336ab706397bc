/** A backup is read back as it was written, in pieces of any size, and a file that is not whole is refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BackupEntry, BackupHeader } from '../../../src/core/backup/backup-parts.ts'
import { BackupReader } from '../../../src/core/backup/backup-reader.ts'
import { BackupRefused } from '../../../src/core/backup/backup-refused.ts'
import { BackupWriter } from '../../../src/core/backup/backup-writer.ts'
import { compareKeys } from '../../../src/core/placement/key-order.ts'
import { olderBackup } from './older-backup.ts'

const HEADER: BackupHeader = {
  clusterId: 'c1',
  node: 'n1',
  covers: 'all',
  cut: 4096,
  cutMs: 1_735_689_600_001,
  buckets: ['default', 'visits'].map((name) => ({
    name,
    mode: name === 'visits' ? 'counter' : 'siblings',
    n: 3,
    consistency: 'quorum',
    durability: 'sync',
    ttlSeconds: null,
  })),
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const value = (text: string) => ({
  timestamp: 7,
  expiresAtMs: 0,
  contentType: 'text/plain',
  value: bytes(text),
})
const SMALL: readonly BackupEntry[] = [
  { bucket: 0, key: 'a', isAfterCut: false, values: [value('one'), value('two')] },
  { bucket: 0, key: '\ufeffb', isAfterCut: true, values: [value('')] },
  { bucket: 1, key: 'a', isAfterCut: false, values: [value('12')] },
]

function written(
  entries: readonly BackupEntry[],
  end: (writer: BackupWriter) => Uint8Array,
): Uint8Array[] {
  const writer = new BackupWriter()
  return [...writer.begin(HEADER), ...entries.map((entry) => writer.entry(entry)), end(writer)]
}

function whole(entries: readonly BackupEntry[]): Uint8Array[] {
  return written(entries, (writer) => writer.end())
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}

function read(pieces: readonly Uint8Array[]) {
  const reader = new BackupReader()
  const entries = pieces.flatMap((piece) => reader.push(piece))
  return { entries, ...reader.finish(), header: reader.header }
}

function refusal(pieces: readonly Uint8Array[]): string {
  try {
    read(pieces)
  } catch (error) {
    if (error instanceof BackupRefused) return error.message
    throw error
  }
  return 'not refused'
}

const anyValue = fc.record({
  timestamp: fc.maxSafeNat(),
  expiresAtMs: fc.maxSafeNat(),
  contentType: fc.string(),
  value: fc.uint8Array({ maxLength: 300 }),
})
const anyEntries = fc
  .uniqueArray(
    fc.record({
      bucket: fc.nat({ max: 1 }),
      key: fc.string({ unit: 'binary', minLength: 1 }),
      isAfterCut: fc.boolean(),
      values: fc.array(anyValue, { maxLength: 4 }),
    }),
    { selector: ({ bucket, key }) => `${bucket}/${key}` },
  )
  .map((entries) => entries.sort((a, b) => a.bucket - b.bucket || compareKeys(a.key, b.key)))

describe('backup: a whole file', () => {
  test('is read back as it was written, in pieces of any size', () => {
    fc.assert(
      fc.property(
        anyEntries,
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
        (entries, sizes) => {
          const file = joined(whole(entries))
          const pieces: Uint8Array[] = []
          for (let at = 0, i = 0; at < file.length; i++) {
            const size = sizes[i % sizes.length] as number
            pieces.push(file.subarray(at, at + size))
            at += size
          }
          const back = read(pieces)
          expect(back.header).toEqual(HEADER)
          expect(
            back.entries.map((entry) => ({
              ...entry,
              values: entry.values.map((one) => ({ ...one, value: Uint8Array.from(one.value) })),
            })),
          ).toEqual(entries)
          expect(back.totals).toEqual({
            keys: entries.length,
            values: entries.reduce((sum, { values }) => sum + values.length, 0),
            valueBytes: entries.reduce(
              (sum, { values }) => sum + values.reduce((all, one) => all + one.value.length, 0),
              0,
            ),
            keysAfterCut: entries.filter(({ isAfterCut }) => isAfterCut).length,
          })
        },
      ),
      { numRuns: 200 },
    )
  })

  test('may be long, and have large values', () => {
    const writer = new BackupWriter()
    const reader = new BackupReader()
    for (const piece of writer.begin(HEADER)) reader.push(piece)
    const large = new Uint8Array(100_000)
    for (let i = 0; i < 200; i++) {
      const key = String(i).padStart(3, '0')
      const frame = writer.entry({
        bucket: 0,
        key,
        isAfterCut: false,
        values: [{ ...value(''), value: large }],
      })
      for (let at = 0; at < frame.length; at += 10_000) reader.push(frame.subarray(at, at + 10_000))
    }
    reader.push(writer.end())
    expect(reader.finish()).toEqual({
      totals: { keys: 200, values: 200, valueBytes: 20_000_000, keysAfterCut: 0 },
      deletedBuckets: [],
    })
  })
})

test('backup: in a file of an older version, the entries of a deleted bucket do not count', () => {
  const { totals, deletedBuckets } = read(olderBackup(HEADER, SMALL, ['default']))
  expect(deletedBuckets).toEqual(['default'])
  expect(totals).toEqual({ keys: 1, values: 1, valueBytes: 2, keysAfterCut: 0 })
})

describe('backup: a file that is not whole', () => {
  const file = joined(whole(SMALL))

  test('is refused wherever it is cut off', () => {
    for (let end = 0; end < file.length; end++) {
      expect([end, refusal([file.subarray(0, end)])]).toEqual([
        end,
        expect.stringContaining('it was cut off'),
      ])
    }
  })

  test('is refused for every bit that is flipped', () => {
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const altered = Uint8Array.from(file)
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
      expect([bit, refusal([altered])]).toEqual([
        bit,
        expect.stringContaining('The backup is refused'),
      ])
    }
  })

  test('is refused if a frame is missing, repeated, moved or from another backup', () => {
    const pieces = whole(SMALL)
    const other = whole([{ ...(SMALL[0] as BackupEntry), key: 'another' }, ...SMALL.slice(1)])
    for (let i = 0; i < pieces.length; i++) {
      const [before, after] = [pieces.slice(0, i), pieces.slice(i + 1)]
      const here = pieces[i] as Uint8Array
      expect(refusal([...before, ...after])).not.toBe('not refused')
      expect(refusal([...before, here, here, ...after])).not.toBe('not refused')
      if (after.length > 0) {
        expect(refusal([...before, after[0] as Uint8Array, here, ...after.slice(1)])).not.toBe(
          'not refused',
        )
      }
      // The first line and the header are the same in both, and frames before the first difference have equal checks.
      if (i > 1)
        expect(refusal([...before, other[i] as Uint8Array, ...after])).not.toBe('not refused')
    }
  })

  test('is refused if bytes follow the end mark', () => {
    expect(refusal([file, bytes('\n')])).toContain('bytes follow its end mark')
    expect(refusal([file, file])).not.toBe('not refused')
  })

  test('says why the node could not finish it', () => {
    const failed = written(SMALL, (writer) => writer.fail('n3 is out of reach'))
    expect(refusal(failed)).toBe(
      'The backup is refused: the node could not finish it: n3 is out of reach.',
    )
  })

  test('is refused if it is something else', () => {
    expect(refusal([bytes('{"hello":"this is some other file"}')])).toContain('it is no backup')
    expect(refusal([bytes('quorate backup 2\n')])).toContain('another format')
    expect(refusal([])).toContain('cut off')
  })

  test('is refused if its keys are not in order', () => {
    expect(refusal(whole(SMALL.toReversed()))).toContain('not in order')
    expect(refusal(whole([SMALL[0] as BackupEntry, SMALL[0] as BackupEntry]))).toContain(
      'not in order',
    )
    expect(refusal(whole([{ ...(SMALL[0] as BackupEntry), bucket: 2 }]))).toContain('not in order')
  })
})
