/**
 * Holds back the answers to clients for a moment, while the members take the snapshots of a backup (node/backup). An
 * answer tells of writes, and the clock of the node that its client asks next may be behind this node's clock. So no
 * answer from after a snapshot leaves before every member has taken its own.
 *
 * Invariant: answers leave in the order in which they came.
 */
export class AnswerGate {
  #closings = 0
  #held: (() => void)[] = []

  get isClosed(): boolean {
    return this.#closings > 0
  }

  /** Closes the gate, until the returned function is called. It may be called again. */
  close(): () => void {
    this.#closings++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#closings--
      if (this.#closings > 0) return
      const held = this.#held
      this.#held = []
      for (const give of held) give()
    }
  }

  /** Gives an answer: at once, or when the gate opens. */
  pass(give: () => void): void {
    if (this.isClosed) this.#held.push(give)
    else give()
  }

  /** Resolves once the gate is open. */
  opened(): Promise<void> {
    return new Promise((resolve) => this.pass(resolve))
  }
}
