/**
 * How far this node may trust its judgement of other members (Lifeguard, Dadgar, Phillips and Currey 2017, "local
 * health multiplier"). A node that is slow itself sees all others miss their deadlines. Its score then rises, and its
 * own timeouts get longer, until answers come in time again.
 *
 * Signs of ill health: a late tick, or a failed probe for which even the relays' nacks were missing. In the second case
 * this node is slow or cut off, because some relay should have answered.
 * 0 <= score <= max
 */
export class Health {
  #score = 0
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get score(): number {
    return this.#score
  }

  /** The factor by which this node's timeouts are multiplied; 1 when healthy. */
  get factor(): number {
    return 1 + this.#score
  }

  better(): void {
    this.#score = Math.max(0, this.#score - 1)
  }

  worse(): void {
    this.#score = Math.min(this.#max, this.#score + 1)
  }

  worst(): void {
    this.#score = this.#max
  }
}
