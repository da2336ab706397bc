/** Checks that the clock of a node never goes back, not even across restarts: by the stamps of the frames it sends. */
import { stampOf } from '../world/frame-stamp.ts'
import { Violation } from './violation.ts'

export class ClockStamps {
  /** For each node the clock reading in its last frame. */
  readonly #last = new Map<string, number>()

  /** The violation, if the frame shows that the clock of its sender went back. */
  check(from: string, frame: Uint8Array): Violation | undefined {
    const stamp = stampOf(frame)
    const last = this.#last.get(from) ?? 0
    this.#last.set(from, stamp)
    if (stamp >= last) return undefined
    return new Violation('clock', `the clock of ${from} went back from ${last} to ${stamp}`)
  }

  /** The node has another directory, which does not know its earlier clock. */
  forget(node: string): void {
    this.#last.delete(node)
  }
}
