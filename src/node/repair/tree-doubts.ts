/**
 * Finds hash trees that do not match the disk, and has them built again. This should not happen. But a disk may return
 * other bytes than it was given, or bring back a lost write. The records then change without the tree, and two owners
 * with equal copies would compare them for ever.
 *
 * A leaf is listed while writes go on, so one mismatch proves nothing: the same mismatch has to be seen twice.
 */
import { partitionOfHash } from '../../core/placement/data-partition.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import {
  equalHashes,
  leafOf,
  NO_HASH,
  TREE_DEPTH,
  type TreeHash,
  xorHashes,
} from '../../core/repair/hash-tree.ts'
import type { Log } from '../../ports/log.ts'
import type { HashForest } from './hash-forest.ts'
import type { TreePlace } from '../wire/asks/repair-asks.ts'
import type { LeafContents } from './leaf-listing.ts'

/** Bound of the doubtful leaves that are remembered. Others are looked at once these are settled. */
const DOUBTS_MAX = 1000

export const TREE_MENDED = 'a hash tree did not match the disk and is being rebuilt'

export class TreeDoubts {
  readonly #forest: HashForest
  readonly #log: Log
  /** Leaf → the mismatch that was seen. */
  readonly #seen = new Map<string, string>()

  constructor(forest: HashForest, log: Log) {
    this.#forest = forest
    this.#log = log
  }

  /** `contents` is what the disk holds in these leaves, of keys with that replica count. */
  look(copies: number, leaves: readonly TreePlace[], contents: LeafContents): void {
    if (!contents.isWhole) return
    const listed = new Map<string, TreeHash>()
    for (const [name, hash] of contents.copies) {
      const keyHash = hashText(name)
      const place = nameOf(copies, partitionOfHash(keyHash), leafOf(keyHash))
      listed.set(place, xorHashes(listed.get(place) ?? NO_HASH, hash))
    }
    for (const { partition, index } of leaves) {
      const place = nameOf(copies, partition, index)
      const held = this.#forest.node(copies, partition, TREE_DEPTH, index)
      this.#compare(place, partition, held, listed.get(place) ?? NO_HASH)
    }
  }

  #compare(place: string, partition: number, held: TreeHash, listed: TreeHash): void {
    const before = this.#seen.get(place)
    this.#seen.delete(place)
    if (equalHashes(held, listed)) return
    const mismatch = `${held.high},${held.low} ${listed.high},${listed.low}`
    if (before === mismatch) {
      this.#log.warn({ partition }, TREE_MENDED)
      this.#forest.rebuild(partition)
    } else if (this.#seen.size < DOUBTS_MAX) this.#seen.set(place, mismatch)
  }
}

function nameOf(copies: number, partition: number, leaf: number): string {
  return `${copies}/${partition}/${leaf}`
}
