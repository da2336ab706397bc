/**
 * Holds back the answers to clients for a moment, while the members take the snapshots of a backup (node/backup). An
 * answer tells of writes, and the clock of the node that its client asks next may be behind this node's clock. So no
 * answer from after a snapshot leaves before every member has taken its own.
 *
 * An answer waits for the closings that are in force when it comes. What it tells of is in the snapshot of each later
 * closing, so it does not wait for those. Otherwise cuts that overlap could keep it for ever.
 */
export class AnswerGate {
  /** For each closing in force, what waits for its end. */
  readonly #closings = new Set<(() => void)[]>()

  get isClosed(): boolean {
    return this.#closings.size > 0
  }

  /** Closes the gate, until the returned function is called. It may be called again. */
  close(): () => void {
    const waiting: (() => void)[] = []
    this.#closings.add(waiting)
    return () => {
      if (!this.#closings.delete(waiting)) return
      for (const opened of waiting) opened()
    }
  }

  /** Gives an answer: at once, or when the gate opens. */
  pass(give: () => void): void {
    let left = this.#closings.size
    if (left === 0) {
      give()
      return
    }
    const opened = (): void => {
      left--
      if (left === 0) give()
    }
    for (const waiting of this.#closings) waiting.push(opened)
  }

  /** Resolves once what is known now may be told. */
  opened(): Promise<void> {
    return new Promise((resolve) => this.pass(resolve))
  }
}
