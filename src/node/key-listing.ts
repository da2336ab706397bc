/**
 * Lists a bucket's keys in order. They lie scattered over the data partitions, so each owner lists its own
 * (key-pages.ts), and the coordinator merges the owners' pages. An object is judged live only after the copies of all
 * that answered have been merged: a delete that one owner knows hides what another still holds.
 *
 * A partition counts as seen when a majority of its owners answered. Where a cut hides that majority the partition is
 * named, never left out silently. An owner that is only slow hides nothing: the list waits for it, or fails.
 */
import {
  liveSiblings,
  merge,
  type Sibling,
  type StoredObject,
} from '../core/causality/stored-object.ts'
import { compareKeys } from '../core/placement/key-order.ts'
import { type Bucket, isTypeMode } from '../core/placement/topology.ts'
import type { Timers } from '../ports/timers.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { type OwnerPage, PAGE_KEYS_MAX, type PagePlace } from './key-pages.ts'
import { type ListingParts, ListRound } from './list-round.ts'
import { modeOf } from './replica.ts'
import type { ListAnswer, ListedKey, ListRequest } from './service.ts'

/** Lists of clients that are made at once, and more that wait for them. */
const LISTS_AT_ONCE = 8
const LISTS_WAITING_MAX = 64

export class KeyListing {
  readonly #timers: Timers
  readonly #parts: ListingParts
  readonly #limit: ConcurrencyLimit

  constructor(ports: { timers: Timers }, parts: ListingParts) {
    this.#timers = ports.timers
    this.#parts = parts
    this.#limit = new ConcurrencyLimit(ports, LISTS_AT_ONCE, LISTS_WAITING_MAX)
  }

  /** Errors: overloaded, deadline_passed. */
  list(bucket: Bucket, request: ListRequest, deadlineMs: number): Promise<ListAnswer> {
    const waitMsMax = deadlineMs - this.#parts.clock.nowMs()
    return this.#limit.run(waitMsMax, () => this.#list(bucket, request, deadlineMs))
  }

  /** Goes on until the page is full, however many deletes lie between; to the end, or to the deadline. */
  async #list(bucket: Bucket, request: ListRequest, deadlineMs: number): Promise<ListAnswer> {
    const { prefix, limit, conflicted = false } = request
    const round = new ListRound({ timers: this.#timers }, this.#parts)
    const keys: ListedKey[] = []
    let { after } = request
    const hidden = new Set<number>()
    let asked = conflicted ? PAGE_KEYS_MAX : limit
    for (;;) {
      const place: PagePlace = { prefix, after, limit: asked }
      const result = await round.run(bucket, place, deadlineMs)
      if ('error' in result) {
        // What has been looked through is told, so that the next request gets further.
        if (after === request.after) throw result.error
        return { keys, next: after, missingPartitions: [...hidden] }
      }
      for (const partition of result.missingPartitions) hidden.add(partition)
      const missing = [...hidden]
      const merged = mergePages(bucket, result.pages)
      for (const entry of merged.entries) {
        const listed = this.#listed(bucket, entry)
        if (listed === undefined || (conflicted && listed.siblings < 2)) continue
        keys.push(listed)
        if (keys.length === limit) {
          const isLast = merged.until === undefined && entry === merged.entries.at(-1)
          return { keys, next: isLast ? undefined : listed.key, missingPartitions: missing }
        }
      }
      if (merged.until === undefined) return { keys, next: undefined, missingPartitions: missing }
      after = merged.until
      asked = PAGE_KEYS_MAX
    }
  }

  #listed(bucket: Bucket, { key, object, sizes }: MergedEntry): ListedKey | undefined {
    const live = liveSiblings(object, this.#parts.clock.nowMs())
    if (live.length === 0) return undefined
    const size = live.reduce((sum, sibling) => sum + (sizes.get(nameOf(sibling)) ?? 0), 0)
    const dots = live.map(({ actor, timestamp }) => ({ actor, timestamp }))
    // The siblings of a counter or a set are one value.
    return { key, size, siblings: isTypeMode(bucket.mode) ? 1 : live.length, dots }
  }
}

interface MergedEntry {
  readonly key: string
  object: StoredObject
  readonly sizes: Map<string, number>
}

/** What all pages cover: up to the first key beyond which some owner has not looked. */
function mergePages(
  bucket: Bucket,
  pages: readonly OwnerPage[],
): { until: string | undefined; entries: readonly MergedEntry[] } {
  let until: string | undefined
  for (const page of pages) {
    if (page.until !== undefined && (until === undefined || compareKeys(page.until, until) < 0)) {
      until = page.until
    }
  }
  const merged = new Map<string, MergedEntry>()
  for (const { entries } of pages) {
    for (const { key, head } of entries) {
      if (until !== undefined && compareKeys(key, until) > 0) break
      const { object, sizes } = head
      const known = merged.get(key) ?? { key, object, sizes: new Map<string, number>() }
      known.object = merge(modeOf(bucket), known.object, object)
      object.siblings.forEach((sibling, i) => known.sizes.set(nameOf(sibling), sizes[i] as number))
      merged.set(key, known)
    }
  }
  return { until, entries: [...merged.values()].sort((a, b) => compareKeys(a.key, b.key)) }
}

function nameOf({ actor, timestamp }: Sibling): string {
  return `${actor}@${timestamp}`
}
