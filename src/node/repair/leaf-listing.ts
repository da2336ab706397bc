/** Which keys lie in some leaves of the hash trees, and what this node holds of each: read from the disk. */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { TreeHash } from '../../core/repair/hash-tree.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import { forgettableFrom } from './collector.ts'
import { hashOf } from './hash-forest.ts'
import { decodeRecord } from '../wire/object-record.ts'
import { dataKey, leafRange, parseLeafKey } from '../storage/storage-keys.ts'

/** Keys of one leaf that are listed; a leaf has a few, unless there are hundreds of millions of keys. */
const LEAF_KEYS_MAX = 5000

export interface LeafPlace {
  readonly partition: number
  readonly index: number
}

export interface LeafContents {
  /** `bucket/key` → the hash of the copy. */
  readonly copies: Map<string, TreeHash>
  /** Of those, what is nothing but a memory of deletes: the horizon from which on it may be forgotten. */
  readonly dying: Map<string, Timestamp>
  /** Whether these are all: no record was damaged, and no leaf too long. */
  readonly isWhole: boolean
}

export class LeafListing {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #copiesOf: (bucket: string) => number | undefined
  /** Told of a record that is listed and not there, before anybody hears of it (vanished-record.ts). */
  onVanished: (storageKey: string) => Promise<void> = () => Promise.resolve()

  constructor(
    ports: { disk: Disk; codec: Codec },
    copiesOf: (bucket: string) => number | undefined,
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#copiesOf = copiesOf
  }

  /**
   * Of keys with so many copies. A damaged record is left out: it is not known what is held. Rejects with a
   * `DiskError`.
   */
  async list(copies: number, leaves: readonly LeafPlace[]): Promise<LeafContents> {
    const found = new Map<string, TreeHash>()
    const dying = new Map<string, Timestamp>()
    let isWhole = true
    for (const { partition, index } of leaves) {
      const [from, to] = leafRange(partition, index)
      const places = await this.#disk.range(from, to, LEAF_KEYS_MAX)
      if (places.length === LEAF_KEYS_MAX) isWhole = false
      const names = places
        .map(([leafKey]) => parseLeafKey(leafKey))
        .filter(({ bucket }) => this.#copiesOf(bucket) === copies)
      const records = await this.#disk.getMany(
        names.map(({ bucket, key }) => dataKey(partition, bucket, key)),
      )
      for (const [i, at] of names.entries()) {
        const record = records[i]
        if (record === undefined) {
          isWhole = false
          await this.onVanished(dataKey(partition, at.bucket, at.key))
          continue
        }
        try {
          const object = decodeRecord(this.#codec, record)
          found.set(at.name, hashOf(at, { object, record }))
          const forgettable = forgettableFrom(object)
          if (forgettable !== undefined) dying.set(at.name, forgettable)
        } catch {
          // Left out: the comparison then finds that the key differs, and its repair what is wrong.
          isWhole = false
        }
      }
    }
    return { copies: found, dying, isWhole }
  }
}
