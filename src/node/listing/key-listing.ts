/**
 * Lists a bucket's keys in order. The keys are scattered over the data partitions, so each owner lists its own
 * (key-pages.ts). The coordinator asks all of them for a page (list-round.ts), and merges the pages (merged-pages.ts). It
 * decides whether a key is live only after merging the copies of all owners that answered, because a tombstone at one
 * owner hides a value at another.
 *
 * A partition counts as seen when a majority of its owners answered. If a cut hides that majority, the answer names the
 * partition and never leaves it out silently. An owner that is only slow hides nothing: the list waits for it, or
 * fails.
 */
import { liveSiblings } from '../../core/causality/stored-object.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Timers } from '../../ports/timers.ts'
import { ConcurrencyLimit } from '../service/concurrency-limit.ts'
import { PAGE_KEYS_MAX, type PagePlace } from './key-pages.ts'
import { type ListingParts, ListRound } from './list-round.ts'
import { dotName, type MergedKey, mergePages } from './merged-pages.ts'
import type { ListAnswer, ListedKey, ListRequest } from '../service/service.ts'

/**
 * Bounds of the client lists that run at once and of those that wait. A few lists can take all the time of a node and
 * of its owners; a waiting list delays nothing else.
 */
const LISTS_AT_ONCE = 2
const LISTS_WAITING_MAX = 64

export class KeyListing {
  readonly #ports: { timers: Timers; codec: Codec }
  readonly #parts: ListingParts
  readonly #limit: ConcurrencyLimit

  constructor(ports: { timers: Timers; codec: Codec }, parts: ListingParts) {
    this.#ports = ports
    this.#parts = parts
    this.#limit = new ConcurrencyLimit(LISTS_AT_ONCE, {
      max: LISTS_WAITING_MAX,
      timers: ports.timers,
    })
  }

  /** Errors: overloaded, deadline_passed. */
  list(bucket: Bucket, request: ListRequest, deadlineMs: number): Promise<ListAnswer> {
    const waitMsMax = deadlineMs - this.#parts.clock.nowMs()
    return this.#limit.run(() => this.#list(bucket, request, deadlineMs), waitMsMax)
  }

  /** Goes on until the page is full, however many tombstones lie between, or until the end or the deadline. */
  async #list(bucket: Bucket, request: ListRequest, deadlineMs: number): Promise<ListAnswer> {
    const { prefix, limit, conflicted = false } = request
    const round = new ListRound(this.#ports, this.#parts, request.span)
    const keys: ListedKey[] = []
    let { after } = request
    const hidden = new Set<number>()
    let asked = conflicted ? PAGE_KEYS_MAX : limit
    for (;;) {
      const place: PagePlace = { prefix, after, limit: asked }
      const result = await round.run(bucket, place, deadlineMs)
      if ('error' in result) {
        // Return how far the list has come, so that the next request gets further.
        if (after === request.after) throw result.error
        return { keys, next: after, missingPartitions: [...hidden] }
      }
      for (const partition of result.missingPartitions) hidden.add(partition)
      const merged = mergePages(this.#ports.codec, bucket, result.pages)
      for (const partition of merged.doubtful) hidden.add(partition)
      const missing = [...hidden]
      for (const entry of merged.keys) {
        const listed = this.#listed(bucket, entry)
        if (listed === undefined || (conflicted && listed.siblings < 2)) continue
        keys.push(listed)
        if (keys.length === limit) {
          const isLast = merged.until === undefined && entry === merged.keys.at(-1)
          return { keys, next: isLast ? undefined : listed.key, missingPartitions: missing }
        }
      }
      if (merged.until === undefined) return { keys, next: undefined, missingPartitions: missing }
      after = merged.until
      asked = PAGE_KEYS_MAX
    }
  }

  #listed(bucket: Bucket, { key, object, sizes }: MergedKey): ListedKey | undefined {
    const live = liveSiblings(object, this.#parts.clock.nowMs())
    if (live.length === 0) return undefined
    const size = live.reduce((sum, sibling) => sum + (sizes.get(dotName(sibling)) ?? 0), 0)
    const dots = live.map(({ actor, timestamp }) => ({ actor, timestamp }))
    // All siblings of a counter or a set together are one value.
    return { key, size, siblings: isTypeMode(bucket.mode) ? 1 : live.length, dots }
  }
}
