/** The nodes that have not answered a watch, and since when. */
import type { Clock } from '../../ports/clock.ts'

/** A watch does without a node that has not answered for this long. */
const PATIENCE_MS = 2000

export class SilentNodes {
  readonly #clock: Clock
  readonly #sinceMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  answered(node: string): void {
    this.#sinceMs.delete(node)
  }

  wasSilent(node: string): void {
    if (!this.#sinceMs.has(node)) this.#sinceMs.set(node, this.#clock.monotonicMs())
  }

  has(node: string): boolean {
    return this.#sinceMs.has(node)
  }

  nodes(): Iterable<string> {
    return this.#sinceMs.keys()
  }

  /** Whether the node has been silent for too long. */
  isOut(node: string): boolean {
    const sinceMs = this.#sinceMs.get(node)
    return sinceMs !== undefined && this.#clock.monotonicMs() - sinceMs >= PATIENCE_MS
  }

  clear(): void {
    this.#sinceMs.clear()
  }
}
