/** Lists from the disk the keys in some leaves of the hash trees, with the hash of each copy. */
import type { Timestamp } from '../../core/causality/dot.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import type { TreeHash } from '../../core/repair/hash-tree.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import { forgettableFrom } from './collector.ts'
import { hashOf } from './hash-forest.ts'
import type { TreePlace } from '../wire/asks/repair-asks.ts'
import { decodeRecord } from '../wire/object-record.ts'
import { dataKey, leafRange, parseLeafKey } from '../storage/storage-keys.ts'

/** Bound of the keys listed for one leaf. A leaf has a few, unless there are hundreds of millions of keys. */
const LEAF_KEYS_MAX = 5000

export interface LeafContents {
  /** `bucket/key` → the hash of the copy. */
  readonly copies: Map<string, TreeHash>
  /**
   * The keys among them that hold only tombstones or expired values, with the horizon at which each may be forgotten.
   */
  readonly dying: Map<string, Timestamp>
  /** True if every key is listed: no record was damaged, and no leaf was too long. */
  readonly isWhole: boolean
}

export interface LeafListingParts {
  /** The replica count of a bucket; undefined if there is no such bucket. */
  readonly copiesOf: (bucket: string) => number | undefined
  /** Called for a key that is listed but has no record, before the listing is answered (vanished-record.ts). */
  readonly replaceVanished: (storageKey: string) => Promise<void>
}

export class LeafListing {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #copiesOf: (bucket: string) => number | undefined
  readonly #replaceVanished: (storageKey: string) => Promise<void>

  constructor(ports: { disk: Disk; codec: Codec }, parts: LeafListingParts) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#copiesOf = parts.copiesOf
    this.#replaceVanished = parts.replaceVanished
  }

  /**
   * Lists keys of buckets with that replica count. A damaged record is left out, because its content is unknown.
   * Rejects with a `DiskError`.
   */
  async list(copies: number, leaves: readonly TreePlace[]): Promise<LeafContents> {
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
          await this.#replaceVanished(dataKey(partition, at.bucket, at.key))
          continue
        }
        try {
          const object = decodeRecord(this.#codec, record)
          found.set(at.name, hashOf(hashText(at.name), { object, record }))
          const forgettable = forgettableFrom(object)
          if (forgettable !== undefined) dying.set(at.name, forgettable)
        } catch {
          // Left out: the comparison then finds that the key differs, and its repair finds the damage.
          isWhole = false
        }
      }
    }
    return { copies: found, dying, isWhole }
  }
}
