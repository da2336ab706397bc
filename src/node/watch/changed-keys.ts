/** Makes the events of a watch of one page of a log. */
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

  /** Undefined if a key cannot be told yet, so that the page has to be read again. */
  async of(
    bucket: Bucket,
    { entries, nowMs }: Pick<ChangesAnswer, 'entries' | 'nowMs'>,
    isClosed: () => boolean,
  ): Promise<readonly WatchedKey[] | undefined> {
    const keys: WatchedKey[] = []
    for (const { key, head } of entries) {
      const held = this.#headIn(head)
      const seen =
        bucket.mode === 'strong' ? await this.#decided(bucket, key, held, isClosed) : held
      if (seen === undefined) return undefined
      // The owner may be ahead of this node, and have recorded the expiry of a value.
      const latestMs = Math.max(nowMs, this.#parts.clock.nowMs())
      keys.push(seenKey(bucket, key, seen, latestMs))
    }
    return keys
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
