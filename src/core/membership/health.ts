/**
 * How far this node may trust its own judgement of others (Lifeguard, Dadgar, Phillips and Currey 2017,
 * "local health multiplier"). A node that is slow itself sees everybody else miss their deadlines; its score
 * rises, and its own timeouts stretch, until answers come in time again.
 *
 * Signs of ill health: a late tick; a probe that failed while even the relays' nacks were missing (somebody
 * should have said something: either this node is slow, or it is cut off).
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

  /** What to multiply own timeouts with; 1 when healthy. */
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
