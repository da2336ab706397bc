/**
 * Drives a protocol of core/replication: carries out the effects of each event in order, and ends the timers with the
 * run. An effect may cause the next event at once, for example if this node's own copy is in memory.
 */
import type { Deadline, Deadlines } from '../peers/deadlines.ts'

export class ProtocolRun<Effect> {
  readonly #deadlines: Deadlines
  readonly #perform: (effect: Effect) => void
  readonly #waits: Deadline[] = []
  #isOver = false

  constructor(deadlines: Deadlines, perform: (effect: Effect) => void) {
    this.#deadlines = deadlines
    this.#perform = perform
  }

  /** Carries out the effects of an event. Once the run has ended, the rest is left out. */
  go(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (this.#isOver) return
      this.#perform(effect)
    }
  }

  /** Makes an event happen later, unless the run has ended by then. */
  after(delayMs: number, event: () => readonly Effect[]): void {
    this.#waits.push(this.#deadlines.in(delayMs, () => this.go(event())))
  }

  end(): void {
    this.#isOver = true
    for (const wait of this.#waits) this.#deadlines.cancel(wait)
  }
}
