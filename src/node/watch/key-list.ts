/**
 * Lists the keys of a bucket when a watch begins with everything, or begins again. Each data partition is listed by one
 * owner: the one whose log the watch follows from a place before the list. So a write that the list lacks comes later
 * in that log. A list of the keys of a majority of the owners would not do: it may lack a write that only the followed
 * owner holds, and that lies before the place in its log.
 *
 * A data partition with an undecided strong key (changed-keys.ts) is listed later, from that key on, after all others.
 * So the list lasts until every key can be told.
 *
 * Invariant: a list that may lack a key ends as `failed`. An owner that no longer owns a data partition leaves out its
 * keys; the watch then has to leave that feed, and begins again (watcher.ts).
 */
import { partitionOf } from '../../core/placement/data-partition.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { FeedPlace } from '../../core/watch/position.ts'
import type { OwnerPage } from '../listing/list-page.ts'
import type { WatchedKey } from '../service/watch.ts'
import type { ChangedKeys } from './changed-keys.ts'

const PAGE_KEYS = 256
const ATTEMPTS_MAX = 5

export interface KeyListParts {
  readonly changedKeys: ChangedKeys
  /** A page of the keys that the node holds; undefined if the node does not answer. */
  readonly list: (
    node: string,
    bucket: Bucket,
    place: { readonly prefix: string; readonly after: string; readonly limit: number },
  ) => Promise<OwnerPage | undefined>
  /** A time that no owner's clock has passed yet: the log may have told an expiry before the place that is followed. */
  readonly latestMs: () => number
  readonly pause: () => Promise<void>
  readonly isClosed: () => boolean
}

/** The keys of one node that are still to be listed. */
interface Part {
  readonly node: string
  readonly partitions: Set<number>
  after: string
}

export class KeyList {
  readonly #parts: KeyListParts
  readonly #bucket: Bucket
  readonly #prefix: string
  /** The first one is under way. */
  #left: Part[]
  /** Parts that begin again at an undecided key, in the next round. */
  #undecided: Part[] = []
  #round = 0

  constructor(parts: KeyListParts, bucket: Bucket, prefix: string, feeds: readonly FeedPlace[]) {
    this.#parts = parts
    this.#bucket = bucket
    this.#prefix = prefix
    this.#left = feeds.map(({ node, partitions }) => ({
      node,
      partitions: new Set(partitions),
      after: '',
    }))
  }

  /** 0 until everything was listed once. Later rounds list only the data partitions that were put off. */
  get round(): number {
    return this.#round
  }

  /** The data partitions that are not completely listed. */
  get partitions(): ReadonlySet<number> {
    return new Set([...this.#left, ...this.#undecided].flatMap((part) => [...part.partitions]))
  }

  /** The next live keys, perhaps none. */
  async next(): Promise<readonly WatchedKey[] | 'done' | 'failed'> {
    const [part] = this.#left
    if (part === undefined) return 'done'
    const place = { prefix: this.#prefix, after: part.after, limit: PAGE_KEYS }
    for (let attempt = 0; attempt < ATTEMPTS_MAX && !this.#parts.isClosed(); attempt++) {
      const page = await this.#parts.list(part.node, this.#bucket, place)
      const isWhole = page?.doubtful.every((partition) => !part.partitions.has(partition))
      if (page !== undefined && isWhole === true) return this.#take(part, page)
      await this.#parts.pause()
    }
    return 'failed'
  }

  async #take(part: Part, { entries, until }: OwnerPage): Promise<readonly WatchedKey[]> {
    const { name } = this.#bucket
    const wanted = entries.filter(({ key }) => part.partitions.has(partitionOf(name, key)))
    const page = { entries: wanted, nowMs: this.#parts.latestMs() }
    const { changedKeys, isClosed } = this.#parts
    const { keys, undecided } = await changedKeys.of(this.#bucket, page, isClosed)
    if (undecided.size > 0) this.#putOff(part, undecided)
    part.after = until ?? ''
    if (until === undefined || part.partitions.size === 0) this.#left.shift()
    if (this.#left.length === 0 && this.#undecided.length > 0) {
      this.#left = this.#undecided
      this.#undecided = []
      this.#round++
    }
    return keys.filter(({ siblings }) => siblings > 0)
  }

  /** Lists these data partitions again later, from this page on. */
  #putOff({ node, partitions, after }: Part, undecided: ReadonlySet<number>): void {
    const part = this.#undecided.find((one) => one.node === node)
    // The pages of a list come in order, so the other part begins before this page.
    if (part === undefined) this.#undecided.push({ node, partitions: new Set(undecided), after })
    for (const partition of undecided) {
      part?.partitions.add(partition)
      partitions.delete(partition)
    }
  }
}
