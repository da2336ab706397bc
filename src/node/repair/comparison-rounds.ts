/**
 * Numbers the rounds in which this node compares its copies with one peer after the other (anti-entropy.ts). A
 * mechanism that needs a comparison from now on notes how many have begun, and counts only later ones.
 */
import { Signal } from '../../core/signal.ts'

export class ComparisonRounds {
  #begun = 0
  /** A round is wanted as soon as possible. */
  readonly wanted = new Signal()

  /** Number of the rounds that this process has begun. */
  get begun(): number {
    return this.#begun
  }

  /** Returns the number of the new round. */
  begin(): number {
    return ++this.#begun
  }
}
