/**
 * This node's hash trees: one for each data partition and replica count, because only keys with the same owners can be
 * compared. They are built from the disk at the start, page by page, while the node already serves. After that every
 * record that becomes durable updates them.
 *
 * Invariant: a complete tree contains the hash of each durable record of its keys, and nothing else. Until a tree is
 * complete, this node compares nothing and answers no comparison.
 */
import { hashText } from '../../core/hash/text-hash.ts'
import { copyHash } from '../../core/repair/copy-hash.ts'
import {
  combineHashes,
  HashTree,
  leafOf,
  NO_HASH,
  type TreeHash,
} from '../../core/repair/hash-tree.ts'
import { compareKeys } from '../../core/placement/key-order.ts'
import { PARTITION_COUNT } from '../../core/placement/topology.ts'
import { Signal } from '../../core/signal.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Timers } from '../../ports/timers.ts'
import { type Copy, checksumOf, decodeRecord } from '../wire/object-record.ts'
import { keyAfter, readPage } from '../storage/record-page.ts'
import { type DataName, parseDataKey, partitionRange } from '../storage/storage-keys.ts'

/** Records read at a time. */
const PAGE = 64
/** A partition that could not be read is tried again after this delay. */
const RETRY_DELAY_MS = 1000

/** The progress of building one partition. */
interface Building {
  /** Keys up to this one are in the tree. Changes of later keys wait for the page that contains them. */
  cursor: string
  /** Changes after the cursor while a page is being read. The page may or may not contain them. */
  readonly raced: Map<string, TreeHash>
}

export class HashForest {
  readonly #disk: Disk
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #copiesOf: (bucket: string) => number | undefined
  /** By replica count, then by partition. */
  readonly #trees = new Map<number, Map<number, HashTree>>()
  /** Partitions whose tree is incomplete. */
  readonly #building = new Map<number, Building>()
  #isRunning = false
  #isStopped = false
  /** A record cannot be read. */
  readonly corrupt = new Signal<[storageKey: string]>()

  constructor(
    ports: { disk: Disk; codec: Codec; timers: Timers },
    copiesOf: (bucket: string) => number | undefined,
  ) {
    this.#disk = ports.disk
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#copiesOf = copiesOf
    for (let partition = 0; partition < PARTITION_COUNT; partition++) this.#startOver(partition)
  }

  /** Whether every tree is complete. */
  get isBuilt(): boolean {
    return this.#building.size === 0
  }

  /** Builds the incomplete trees in the background. */
  start(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    void this.#build()
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Called when a record has become durable. */
  stored(storageKey: string, before: Copy, after: Copy): void {
    const at = parseDataKey(storageKey)
    if (at === undefined) return
    const building = this.#building.get(at.partition)
    const keyHash = hashText(at.name)
    const now = hashOf(keyHash, after)
    const isAhead = building !== undefined && compareKeys(storageKey, building.cursor) > 0
    if (isAhead) building.raced.set(storageKey, now)
    else this.#change(at, keyHash, hashOf(keyHash, before), now)
  }

  /** Rebuilds the partition, because the disk may hold either version of the key. */
  uncertain(storageKey: string): void {
    const at = parseDataKey(storageKey)
    if (at !== undefined) this.rebuild(at.partition)
  }

  rebuild(partition: number): void {
    this.#startOver(partition)
    this.start()
  }

  node(copies: number, partition: number, level: number, index: number): TreeHash {
    return this.#trees.get(copies)?.get(partition)?.node(level, index) ?? NO_HASH
  }

  /** One hash over the trees of all these partitions. */
  summary(copies: number, partitions: readonly number[]): TreeHash {
    const trees = this.#trees.get(copies)
    const roots: [number, TreeHash][] = []
    for (const partition of partitions) {
      const tree = trees?.get(partition)
      if (tree !== undefined) roots.push([partition, tree.node(0, 0)])
    }
    return combineHashes(roots)
  }

  /** `keyHash`: the hash of the key's name. */
  #change(at: DataName, keyHash: number, before: TreeHash, after: TreeHash): void {
    const copies = this.#copiesOf(at.bucket)
    if (copies === undefined) return
    let trees = this.#trees.get(copies)
    if (trees === undefined) {
      trees = new Map()
      this.#trees.set(copies, trees)
    }
    let tree = trees.get(at.partition)
    if (tree === undefined) {
      tree = new HashTree()
      trees.set(at.partition, tree)
    }
    tree.change(leafOf(keyHash), before, after)
  }

  #startOver(partition: number): void {
    for (const trees of this.#trees.values()) trees.get(partition)?.clear()
    this.#building.set(partition, { cursor: '', raced: new Map() })
  }

  async #build(): Promise<void> {
    while (!this.#isStopped) {
      const [next] = this.#building
      if (next === undefined) break
      const [partition, building] = next
      try {
        await this.#buildPage(partition, building)
      } catch {
        // The disk is failing: try again after a delay.
        await new Promise<void>((resolve) => void this.#timers.after(RETRY_DELAY_MS, resolve))
      }
    }
    this.#isRunning = false
  }

  async #buildPage(partition: number, building: Building): Promise<void> {
    const [begin, end] = partitionRange(partition)
    const from = building.cursor === '' ? begin : keyAfter(building.cursor)
    const { entries, next } = await readPage(this.#disk, from, end, PAGE)
    // The build was started again while the page was read, so drop the page.
    if (this.#building.get(partition) !== building) return
    const isLast = next === undefined
    const until = isLast ? end : (entries.at(-1)?.[0] as string)
    const { raced } = building
    for (const [storageKey, record] of entries) {
      if (!raced.has(storageKey)) this.#enter(storageKey, record)
    }
    for (const [storageKey, hash] of raced) {
      if (compareKeys(storageKey, until) > 0) continue
      const at = parseDataKey(storageKey) as DataName
      this.#change(at, hashText(at.name), NO_HASH, hash)
      raced.delete(storageKey)
    }
    building.cursor = until
    if (isLast) this.#building.delete(partition)
  }

  #enter(storageKey: string, record: Uint8Array): void {
    const at = parseDataKey(storageKey) as DataName
    try {
      const copy = { object: decodeRecord(this.#codec, record), record }
      const keyHash = hashText(at.name)
      this.#change(at, keyHash, NO_HASH, hashOf(keyHash, copy))
    } catch {
      this.corrupt.emit(storageKey)
    }
  }
}

/** The hash of a key's copy, as the tree contains it. `keyHash`: the hash of the key's name. */
export function hashOf(keyHash: number, { object, record }: Copy): TreeHash {
  return record.length === 0 ? NO_HASH : copyHash(keyHash, checksumOf(record), object)
}
