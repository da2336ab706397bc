import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ABSENT, type StoredObject } from '../../../src/core/causality/stored-object.ts'
import { copyHash } from '../../../src/core/repair/copy-hash.ts'
import { NO_HASH } from '../../../src/core/repair/hash-tree.ts'
import { contentOf, run, steps } from '../../properties/replica-runs.ts'
import { EMPTY_VECTOR, vectorOf } from '../../../src/core/causality/version-vector.ts'

const RUNS = { numRuns: 200, seed: 20_261_123 }

const word = fc.nat({ max: 0xffff_ffff })
/** An object that was written, of a random run. */
const written = fc
  .tuple(steps, fc.nat())
  .map(([taken, at]) => {
    const seen = run('siblings', taken)
    return seen[at % seen.length] as StoredObject
  })
  .filter((object) => object.vector.size > 0)

const withTimes = (object: StoredObject, move: (timestamp: number) => number): StoredObject => ({
  vector: vectorOf([...object.vector].map(([actor, timestamp]) => [actor, move(timestamp)])),
  siblings: object.siblings.map((s) => ({ ...s, timestamp: move(s.timestamp) })),
})

describe('hash of a copy', () => {
  it('is none where nothing is held', () => {
    fc.assert(
      fc.property(word, word, (key, checksum) => {
        expect(copyHash(key, checksum, ABSENT)).toEqual(NO_HASH)
      }),
      RUNS,
    )
  })

  it('is the same for equal copies, in whatever order the vector came together', () => {
    fc.assert(
      fc.property(written, word, word, (object, key, checksum) => {
        const vector = vectorOf([...object.vector].toReversed())
        const { siblings } = object
        const hash = copyHash(key, checksum, object)
        expect(copyHash(key, checksum, { vector, siblings })).toEqual(hash)
        expect(hash).not.toEqual(NO_HASH)
      }),
      RUNS,
    )
  })

  it('differs where the key or the bytes of the record do', () => {
    fc.assert(
      fc.property(written, word, word, word, (object, key, checksum, other) => {
        const hash = copyHash(key, checksum, object)
        if (other !== checksum) expect(copyHash(key, other, object)).not.toEqual(hash)
        if (other !== key) expect(copyHash(other, checksum, object)).not.toEqual(hash)
      }),
      RUNS,
    )
  })

  it('differs where the times do, though the checksums collide', () => {
    fc.assert(
      fc.property(
        written,
        word,
        word,
        // Beyond 32 bits too: the high half of a timestamp is the date.
        fc.integer({ min: 1, max: 2 ** 52 }),
        (object, key, checksum, by) => {
          const later = withTimes(object, (timestamp) => timestamp + by)
          const hash = copyHash(key, checksum, object)
          expect(copyHash(key, checksum, later).high).not.toBe(hash.high)
        },
      ),
      RUNS,
    )
  })

  it('tells a sibling from the memory of one', () => {
    const sibling = { ...contentOf('v'), actor: 'n1~a', timestamp: 7 }
    const vector = vectorOf([['n1~a', 7]])
    const hashes = [
      { vector, siblings: [sibling] },
      { vector, siblings: [] },
      { vector: EMPTY_VECTOR, siblings: [sibling] },
    ].map((object) => copyHash(1, 2, object).high)
    expect(new Set(hashes).size).toBe(3)
  })
})
