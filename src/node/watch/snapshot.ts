/**
 * Lists the keys that the owners of a watch's feeds hold, when a watch begins with everything, or begins again. Each
 * data partition is listed by the owner whose log tells its changes from before the list on. So whatever is not in the
 * list comes later in the log. A list of a majority of the owners could not be continued like that: it may lack a write
 * that only the owner of the feed holds, and that its log has told before.
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

export interface SnapshotParts {
  readonly changedKeys: ChangedKeys
  /** A page of the keys that the node holds; undefined if the node does not answer. */
  readonly list: (
    node: string,
    bucket: Bucket,
    place: { readonly prefix: string; readonly after: string; readonly limit: number },
  ) => Promise<OwnerPage | undefined>
  /** A time that no owner's clock has passed yet: an owner may have logged an expiry before its log was followed. */
  readonly latestMs: () => number
  readonly pause: () => Promise<void>
  readonly isClosed: () => boolean
}

export class Snapshot {
  readonly #parts: SnapshotParts
  readonly #bucket: Bucket
  readonly #prefix: string
  /** The lists that are not complete; the first one is under way. */
  readonly #left: { readonly node: string; readonly partitions: ReadonlySet<number> }[]
  #after = ''

  constructor(parts: SnapshotParts, bucket: Bucket, prefix: string, feeds: readonly FeedPlace[]) {
    this.#parts = parts
    this.#bucket = bucket
    this.#prefix = prefix
    this.#left = feeds.map(({ node, partitions }) => ({ node, partitions: new Set(partitions) }))
  }

  /** The next live keys, perhaps none. */
  async next(): Promise<readonly WatchedKey[] | 'done' | 'failed'> {
    const [list] = this.#left
    if (list === undefined) return 'done'
    const place = { prefix: this.#prefix, after: this.#after, limit: PAGE_KEYS }
    for (let attempt = 0; attempt < ATTEMPTS_MAX && !this.#parts.isClosed(); attempt++) {
      const page = await this.#parts.list(list.node, this.#bucket, place)
      const keys = page && (await this.#keysOf(page, list.partitions))
      if (page !== undefined && keys !== undefined) {
        this.#after = page.until ?? ''
        if (page.until === undefined) this.#left.shift()
        return keys
      }
      await this.#parts.pause()
    }
    return 'failed'
  }

  /** Undefined if the page may lack a key. */
  async #keysOf(
    { entries, doubtful }: OwnerPage,
    partitions: ReadonlySet<number>,
  ): Promise<readonly WatchedKey[] | undefined> {
    if (doubtful.some((partition) => partitions.has(partition))) return undefined
    const { name } = this.#bucket
    const wanted = entries.filter(({ key }) => partitions.has(partitionOf(name, key)))
    const page = { entries: wanted, nowMs: this.#parts.latestMs() }
    const keys = await this.#parts.changedKeys.of(this.#bucket, page, this.#parts.isClosed)
    return keys?.filter(({ siblings }) => siblings > 0)
  }
}
