/**
 * A hash tree over the keys of one data partition, updated in O(1) for each write. A leaf is the xor of the hashes of
 * its keys' copies, and an inner node is the xor of its children. So the order of writes does not matter, and a change
 * only touches the path to the root. (A Merkle tree hashes the children, so each change needs the node's siblings, and
 * Riak rebuilds its trees. Xor gives up resistance to forgery, which is not needed between peers.)
 *
 * Invariant: each node is the xor of the copies below it. So equal subtrees have equal hashes, and unequal ones have
 * equal hashes only with probability 2^-64.
 */
import { assert } from '../assert.ts'

/** The number of children of a node. */
export const TREE_FANOUT = 16
/** Level 0 is the root; the last level are the leaves. */
export const TREE_DEPTH = 3
export const TREE_LEAVES = TREE_FANOUT ** TREE_DEPTH

/** 64 bits as two unsigned halves. */
export interface TreeHash {
  readonly low: number
  readonly high: number
}

export const NO_HASH: TreeHash = { low: 0, high: 0 }

/** The number of nodes in levels 0 and 1, and of those below one node of level 1. */
const TOP_NODES = 1 + TREE_FANOUT
const BRANCH_NODES = TREE_FANOUT + TREE_FANOUT ** 2

export class HashTree {
  /** low, high, low, high, … level by level. */
  readonly #top = new Uint32Array(2 * TOP_NODES)
  /** The nodes below each node of level 1, if there are any: most trees of a small store are nearly empty. */
  readonly #branches: (Uint32Array | undefined)[] = []

  /** A copy in `leaf` has changed from one hash to another. `NO_HASH` stands for an absent copy. */
  change(leaf: number, before: TreeHash, after: TreeHash): void {
    assert(leaf >= 0 && leaf < TREE_LEAVES, () => `leaf ${leaf} exists`)
    const low = before.low ^ after.low
    const high = before.high ^ after.high
    const twig = Math.floor(leaf / TREE_FANOUT)
    const branch = Math.floor(twig / TREE_FANOUT)
    const words = (this.#branches[branch] ??= new Uint32Array(2 * BRANCH_NODES))
    flip(words, placeInBranch(3, leaf), low, high)
    flip(words, placeInBranch(2, twig), low, high)
    flip(this.#top, 1 + branch, low, high)
    flip(this.#top, 0, low, high)
  }

  node(level: number, index: number): TreeHash {
    if (level < 2) return read(this.#top, level + index)
    const words = this.#branches[Math.floor(index / TREE_FANOUT ** (level - 1))]
    return words === undefined ? NO_HASH : read(words, placeInBranch(level, index))
  }

  clear(): void {
    this.#top.fill(0)
    this.#branches.length = 0
  }
}

/** The position of a node of level 2 or 3 in the array of its branch. */
function placeInBranch(level: number, index: number): number {
  return level === 2 ? index % TREE_FANOUT : TREE_FANOUT + (index % TREE_FANOUT ** 2)
}

function read(words: Uint32Array, place: number): TreeHash {
  return { low: words[2 * place] as number, high: words[2 * place + 1] as number }
}

function flip(words: Uint32Array, place: number, low: number, high: number): void {
  words[2 * place] = (words[2 * place] as number) ^ low
  words[2 * place + 1] = (words[2 * place + 1] as number) ^ high
}

export function equalHashes(a: TreeHash, b: TreeHash): boolean {
  return a.low === b.low && a.high === b.high
}

export function xorHashes(a: TreeHash, b: TreeHash): TreeHash {
  return { low: (a.low ^ b.low) >>> 0, high: (a.high ^ b.high) >>> 0 }
}

/** The leaf of a key. It uses other bits of the key's hash than the data partition does. */
export function leafOf(keyHash: number): number {
  return (keyHash >>> 16) % TREE_LEAVES
}

/** One hash over several, each bound to its place, to compare many trees at once. */
export function combineHashes(
  hashes: Iterable<readonly [place: number, hash: TreeHash]>,
): TreeHash {
  let low = 0
  let high = 0
  for (const [place, hash] of hashes) {
    if (hash.low === 0 && hash.high === 0) continue
    low ^= mix(hash.low ^ mix(place + 1))
    high ^= mix(hash.high ^ mix(place + 0x10001))
  }
  return { low: low >>> 0, high: high >>> 0 }
}

/** The finalizer of MurmurHash3 (Appleby): each input bit changes about half of the output bits. */
export function mix(word: number): number {
  let mixed = word | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
