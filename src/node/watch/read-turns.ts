/**
 * Decides when a watch reads each log: soon after the log has grown, and now and then in case that news was lost.
 *
 * A log has two turns: one for the feeds that go on, and one for those that are held back (core/watch/following.ts).
 * Each has at most one page that is asked for or waits for the reader of the watch.
 */
import type { Clock } from '../../ports/clock.ts'

/** How often a watch looks whether anything is due. A node that does not answer is asked again after this time. */
export const TICK_MS = 250
/** Changes that could not be told are looked at again after this time. */
export const HELD_MS = 1000
/** A log without news is read again after this time, because news may get lost. */
const POLL_MS = 1000

export class ReadTurns {
  readonly #clock: Clock
  /** The turns with a page. */
  readonly #busy = new Set<string>()
  /** Nodes whose logs have more to read. */
  readonly #news = new Set<string>()
  /** Turn → when its last page was asked for. */
  readonly #askedMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The log of the node has more to read. */
  heardNews(node: string): void {
    this.#news.add(node)
  }

  isDue(node: string, isHeld: boolean, isSilent: boolean): boolean {
    const turn = turnOf(node, isHeld)
    if (this.#busy.has(turn)) return false
    const nowMs = this.#clock.monotonicMs()
    const elapsedMs = nowMs - (this.#askedMs.get(turn) ?? Number.NEGATIVE_INFINITY)
    if (isHeld) return elapsedMs >= HELD_MS
    if (isSilent) return elapsedMs >= TICK_MS
    return this.#news.has(node) || elapsedMs >= POLL_MS
  }

  /** A page is asked for. */
  begin(node: string, isHeld: boolean): void {
    const turn = turnOf(node, isHeld)
    this.#busy.add(turn)
    if (!isHeld) this.#news.delete(node)
    this.#askedMs.set(turn, this.#clock.monotonicMs())
  }

  /** The page was given to the reader, or does not come. */
  end(node: string, isHeld: boolean): void {
    this.#busy.delete(turnOf(node, isHeld))
  }

  /** Forgets all pages and all news. The times of the last asks stay, so that no log is read more often. */
  clear(): void {
    this.#busy.clear()
    this.#news.clear()
  }
}

function turnOf(node: string, isHeld: boolean): string {
  return isHeld ? `${node} held` : node
}
