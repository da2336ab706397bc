/**
 * Turns a page of a log, or of a list of keys, into the events of a watch.
 *
 * A strong key is *undecided* if its last proposal is neither decided nor replaced by now, or if the key cannot be
 * read. Then no key of its data partition is told, so that the watch can read the page again for this partition alone.
 */
import { partitionOf } from '../../core/placement/data-partition.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { WatchedKey } from '../service/watch.ts'
import { decodeHead, type RecordHead } from '../storage/record-head.ts'
import type { ChangesAnswer } from '../wire/asks/watch-asks.ts'
import { seenKey } from './seen-key.ts'
import { decidedValue } from './strong-keys.ts'

/** So many strong keys are read at once, so that a key that cannot be decided delays few others. */
const READS_AT_ONCE = 8

export interface TellableKeys {
  readonly keys: readonly WatchedKey[]
  /** The data partitions of undecided keys. None of their keys is in `keys`. */
  readonly undecided: ReadonlySet<number>
}

export interface ChangedKeysParts {
  readonly clock: NodeClock
  /** Reads a strong key as a client does. Rejects with a `QuorateError`. */
  readonly readStrong: (bucket: string, key: string) => Promise<StoredObject>
}

export class ChangedKeys {
  readonly #ports: { codec: Codec; timers: Timers }
  readonly #parts: ChangedKeysParts

  constructor(ports: { codec: Codec; timers: Timers }, parts: ChangedKeysParts) {
    this.#ports = ports
    this.#parts = parts
  }

  async of(
    bucket: Bucket,
    { entries, nowMs }: Pick<ChangesAnswer, 'entries' | 'nowMs'>,
    isClosed: () => boolean,
  ): Promise<TellableKeys> {
    const undecided = new Set<number>()
    const seen: (RecordHead | undefined)[] = entries.map(({ head }) => this.#headIn(head))
    if (bucket.mode === 'strong') {
      const places = entries.keys()
      const decideSome = async (): Promise<void> => {
        for (const i of places) {
          const { key } = entries[i] as { key: string }
          const partition = partitionOf(bucket.name, key)
          if (undecided.has(partition)) continue
          seen[i] = await this.#decided(bucket, key, seen[i] as RecordHead, isClosed)
          if (seen[i] === undefined) undecided.add(partition)
        }
      }
      await Promise.all(Array.from({ length: READS_AT_ONCE }, decideSome))
    }
    // The owner's clock may be ahead of this node's clock. A value whose expiry the owner has logged is not live here.
    const latestMs = Math.max(nowMs, this.#parts.clock.nowMs())
    const keys = entries.flatMap(({ key }, i) => {
      const isHeld = undecided.size > 0 && undecided.has(partitionOf(bucket.name, key))
      return isHeld ? [] : [seenKey(bucket, key, seen[i] as RecordHead, latestMs)]
    })
    return { keys, undecided }
  }

  #headIn(head: Uint8Array): RecordHead {
    const [vector, fields, names] = this.#ports.codec.decode(head) as unknown[]
    return decodeHead(vector, fields, names)
  }

  async #decided(
    { name }: Bucket,
    key: string,
    { object }: RecordHead,
    isClosed: () => boolean,
  ): Promise<RecordHead | undefined> {
    const read = (): Promise<StoredObject> => this.#parts.readStrong(name, key)
    const decided = await decidedValue(this.#ports.timers, object, read, isClosed)
    return decided && { object: decided, sizes: decided.siblings.map(({ value }) => value.length) }
  }
}
