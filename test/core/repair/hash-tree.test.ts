import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  combineHashes,
  equalHashes,
  HashTree,
  leafOf,
  NO_HASH,
  TREE_DEPTH,
  TREE_FANOUT,
  TREE_LEAVES,
  type TreeHash,
  xorHashes,
} from '../../../src/core/repair/hash-tree.ts'

const RUNS = { numRuns: 100, seed: 20_261_123 }

const word = fc.nat({ max: 0xffff_ffff })
const hash: fc.Arbitrary<TreeHash> = fc.record({ low: word, high: word })
interface Changes {
  /** In which leaf each key lies. */
  readonly leaves: readonly number[]
  readonly steps: readonly { readonly key: number; readonly to: TreeHash }[]
}

/** A few keys, so that they are changed again and again, in leaves near and far. */
const KEYS = 12
const changes: fc.Arbitrary<Changes> = fc.record({
  leaves: fc.array(fc.nat({ max: TREE_LEAVES - 1 }), { minLength: KEYS, maxLength: KEYS }),
  steps: fc.array(
    fc.record({ key: fc.nat({ max: KEYS - 1 }), to: fc.oneof(fc.constant(NO_HASH), hash) }),
    { maxLength: 60 },
  ),
})

interface Leafed {
  readonly leaf: number
  readonly hash: TreeHash
}

/** What each key ends with, and the tree that has seen every change on the way. */
function grow({ leaves, steps }: Changes): { tree: HashTree; held: Leafed[] } {
  const tree = new HashTree()
  const held = leaves.map((leaf): Leafed => ({ leaf, hash: NO_HASH }))
  for (const { key, to } of steps) {
    const { leaf, hash: before } = held[key] as Leafed
    tree.change(leaf, before, to)
    held[key] = { leaf, hash: to }
  }
  return { tree, held }
}

/** The xor of what lies below, looked up anew. */
function naiveNode(held: readonly Leafed[], level: number, index: number): TreeHash {
  const leavesBelow = TREE_FANOUT ** (TREE_DEPTH - level)
  return held
    .filter(({ leaf }) => Math.floor(leaf / leavesBelow) === index)
    .reduce((sum, { hash }) => xorHashes(sum, hash), NO_HASH)
}

/** The nodes on the ways from the root to the leaves, and their neighbours. */
function nodesNear(held: readonly Leafed[]): [level: number, index: number][] {
  const places = new Map<string, [number, number]>()
  for (const { leaf } of held) {
    for (let level = 0; level <= TREE_DEPTH; level++) {
      const index = Math.floor(leaf / TREE_FANOUT ** (TREE_DEPTH - level))
      const nodes = TREE_FANOUT ** level
      for (const at of [index, (index + 1) % nodes]) places.set(`${level} ${at}`, [level, at])
    }
  }
  return [...places.values()]
}

describe('hash tree', () => {
  it('tells of what is held now, whatever was held on the way', () => {
    fc.assert(
      fc.property(changes, (given) => {
        const { tree, held } = grow(given)
        for (const [level, index] of nodesNear(held)) {
          expect(tree.node(level, index)).toEqual(naiveNode(held, level, index))
        }
      }),
      RUNS,
    )
  })

  it('has in each node the xor of its children', () => {
    fc.assert(
      fc.property(changes, (given) => {
        const { tree, held } = grow(given)
        for (const [level, index] of nodesNear(held)) {
          if (level === TREE_DEPTH) continue
          const children = Array.from({ length: TREE_FANOUT }, (_, i) =>
            tree.node(level + 1, index * TREE_FANOUT + i),
          )
          expect(tree.node(level, index)).toEqual(children.reduce(xorHashes, NO_HASH))
        }
      }),
      RUNS,
    )
  })

  it('shows one difference on every level of its way, and nowhere else', () => {
    fc.assert(
      fc.property(changes, fc.nat({ max: TREE_LEAVES - 1 }), hash, (given, leaf, other) => {
        fc.pre(!equalHashes(other, NO_HASH))
        const a = grow(given).tree
        const b = grow(given).tree
        b.change(leaf, NO_HASH, other)
        for (let level = 0; level <= TREE_DEPTH; level++) {
          const differing: number[] = []
          for (let i = 0; i < TREE_FANOUT ** level; i++) {
            if (!equalHashes(a.node(level, i), b.node(level, i))) differing.push(i)
          }
          expect(differing).toEqual([Math.floor(leaf / TREE_FANOUT ** (TREE_DEPTH - level))])
        }
      }),
      // Each run looks at every node of two trees.
      { ...RUNS, numRuns: 20 },
    )
  })

  it('is empty once it is cleared', () => {
    const tree = new HashTree()
    tree.change(17, NO_HASH, { low: 1, high: 2 })
    tree.clear()
    for (let level = 0; level <= TREE_DEPTH; level++) {
      for (let i = 0; i < TREE_FANOUT ** level; i++) expect(tree.node(level, i)).toEqual(NO_HASH)
    }
  })

  it('has no leaf outside', () => {
    const tree = new HashTree()
    for (const leaf of [-1, TREE_LEAVES]) {
      expect(() => tree.change(leaf, NO_HASH, { low: 1, high: 1 })).toThrow(`leaf ${leaf}`)
    }
  })
})

describe('leaf of a key', () => {
  it('is one of the tree, for any hash', () => {
    fc.assert(
      fc.property(word, (keyHash) => {
        const leaf = leafOf(keyHash)
        expect(Number.isInteger(leaf)).toBe(true)
        expect(leaf).toBeGreaterThanOrEqual(0)
        expect(leaf).toBeLessThan(TREE_LEAVES)
      }),
      RUNS,
    )
  })

  it('does not follow from the partition: the keys of one partition use every leaf', () => {
    // Hashes that are equal in the low bits, which give the partition.
    const leaves = new Set(Array.from({ length: 2 ** 16 }, (_, i) => leafOf(i * 2 ** 16 + 42)))
    expect(leaves.size).toBe(TREE_LEAVES)
  })
})

describe('one hash of several', () => {
  const places = fc.uniqueArray(fc.nat({ max: 127 }), { minLength: 2, maxLength: 20 })

  it('depends on the place of each', () => {
    fc.assert(
      fc.property(places, hash, hash, (at, one, other) => {
        fc.pre(!equalHashes(one, other))
        const [a, b] = at as [number, number]
        const straight = combineHashes([
          [a, one],
          [b, other],
        ])
        const swapped = combineHashes([
          [a, other],
          [b, one],
        ])
        expect(swapped).not.toEqual(straight)
        // Equal trees in two places must not cancel each other, as an xor of them would.
        if (!equalHashes(one, NO_HASH)) {
          const twice = combineHashes([
            [a, one],
            [b, one],
          ])
          expect(twice).not.toEqual(NO_HASH)
        }
      }),
      RUNS,
    )
  })

  it('does not depend on the order in which they are given, nor on empty trees', () => {
    fc.assert(
      fc.property(places, fc.array(hash, { minLength: 20, maxLength: 20 }), (at, hashes) => {
        const pairs = at.map((place, i): [number, TreeHash] => [place, hashes[i] as TreeHash])
        const combined = combineHashes(pairs)
        expect(combineHashes(pairs.toReversed())).toEqual(combined)
        expect(combineHashes([...pairs, [200, NO_HASH]])).toEqual(combined)
      }),
      RUNS,
    )
  })

  it('changes with every one of them', () => {
    fc.assert(
      fc.property(places, hash, hash, hash, (at, one, other, rest) => {
        fc.pre(!equalHashes(one, other))
        const others = at.slice(1).map((place): [number, TreeHash] => [place, rest])
        const place = at[0] as number
        const before = combineHashes([[place, one], ...others])
        expect(combineHashes([[place, other], ...others])).not.toEqual(before)
      }),
      RUNS,
    )
  })
})
