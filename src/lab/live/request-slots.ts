/**
 * How many requests ended at a node, how they ended, and how long they took, in slots of time of the last 15 minutes. A
 * node tells totals; this finds the differences.
 *
 * Invariant: it keeps no slot that is older than WINDOW_MS, so its memory has a bound.
 */
import { WINDOW_MS } from './live-log.ts'
import type { NodeRequests } from './node-status.ts'
import { type Outcome, outcomeOf } from './outcome.ts'

export const SLOT_MS = 10_000

export interface RequestSlot {
  /** The beginning of the slot. */
  readonly atMs: number
  readonly counts: Readonly<Record<Outcome, number>>
  /** Half of the requests took no longer; null if there were none. */
  readonly medianMs: number | null
  /** 99 of 100 requests took no longer. */
  readonly p99Ms: number | null
}

/** Numbers of requests: by their outcome, and by the bound below which their duration lies. */
interface Requests {
  readonly counts: Readonly<Record<Outcome, number>>
  /** The last place has no bound. */
  readonly durations: readonly number[]
}

interface Slot extends Requests {
  readonly atMs: number
}

export class RequestSlots {
  /** The oldest first. */
  #slots: Slot[] = []
  #boundsSeconds: readonly number[] = []
  #last: Requests | undefined

  /** The newest totals are unknown from now on, so the next ones tell no differences. */
  interrupt(): void {
    this.#last = undefined
  }

  take(requests: NodeRequests): void {
    const now = totalsOf(requests)
    const last = this.#last
    this.#last = now
    this.#boundsSeconds = requests.boundsSeconds
    // Totals fall only when the node starts again.
    if (last === undefined || !isAtMost(last, now)) return
    this.#add(Date.parse(requests.time), minus(now, last))
  }

  /** The oldest first; each as long as asked for, in multiples of SLOT_MS. Slots without requests may be missing. */
  slots(slotMs = SLOT_MS): readonly RequestSlot[] {
    const together = new Map<number, Requests>()
    for (const { atMs, counts, durations } of this.#slots) {
      const at = Math.floor(atMs / slotMs) * slotMs
      together.set(at, plus(together.get(at), { counts, durations }))
    }
    return [...together].map(([atMs, { counts, durations }]) => ({
      atMs,
      counts,
      medianMs: quantileMs(durations, this.#boundsSeconds, 0.5),
      p99Ms: quantileMs(durations, this.#boundsSeconds, 0.99),
    }))
  }

  #add(timeMs: number, requests: Requests): void {
    // If the clock of the node was set back far, the slots of the wrong time would stay newer than all to come.
    this.#slots = this.#slots.filter(
      ({ atMs }) => atMs > timeMs - WINDOW_MS && atMs <= timeMs + SLOT_MS,
    )
    const last = this.#slots.at(-1)
    const slotAtMs = Math.floor(timeMs / SLOT_MS) * SLOT_MS
    // The clock of the node may have been set back a little.
    const isSame = last !== undefined && slotAtMs <= last.atMs
    const slot = {
      atMs: isSame ? last.atMs : slotAtMs,
      ...plus(isSame ? last : undefined, requests),
    }
    this.#slots.splice(isSame ? -1 : this.#slots.length, 1, slot)
  }
}

function totalsOf({ counts, boundsSeconds, durations }: NodeRequests): Requests {
  const sums = { ok: 0, rejected: 0, unknown: 0 }
  for (const { code, count } of counts) sums[outcomeOf(code)] += count
  const places = Array.from({ length: boundsSeconds.length + 1 }, (_, i) =>
    durations.reduce((sum, each) => sum + (each.counts[i] ?? 0), 0),
  )
  return { counts: sums, durations: places }
}

function isAtMost(a: Requests, b: Requests): boolean {
  // A node that has had no requests tells no bounds, so the first total has fewer places.
  return (
    a.durations.every((count, i) => count <= (b.durations[i] ?? 0)) &&
    a.counts.ok <= b.counts.ok &&
    a.counts.rejected <= b.counts.rejected &&
    a.counts.unknown <= b.counts.unknown
  )
}

function minus(a: Requests, b: Requests): Requests {
  return combined(a, b, -1)
}

function plus(a: Requests | undefined, b: Requests): Requests {
  return a === undefined ? b : combined(a, b, 1)
}

function combined(a: Requests, b: Requests, sign: 1 | -1): Requests {
  return {
    counts: {
      ok: a.counts.ok + sign * b.counts.ok,
      rejected: a.counts.rejected + sign * b.counts.rejected,
      unknown: a.counts.unknown + sign * b.counts.unknown,
    },
    durations: a.durations.map((count, i) => count + sign * (b.durations[i] ?? 0)),
  }
}

/**
 * The duration below which that part of the requests lies, as if those between two bounds were spread evenly. The last
 * bound if it lies above.
 */
export function quantileMs(
  durations: readonly number[],
  boundsSeconds: readonly number[],
  part: number,
): number | null {
  const wanted = durations.reduce((sum, count) => sum + count, 0) * part
  if (wanted === 0) return null
  let below = 0
  for (const [i, bound] of boundsSeconds.entries()) {
    const count = durations[i] ?? 0
    const least = boundsSeconds[i - 1] ?? 0
    if (below + count >= wanted) {
      return 1000 * (least + (bound - least) * ((wanted - below) / count))
    }
    below += count
  }
  return 1000 * (boundsSeconds.at(-1) ?? 0)
}
