/** The clock of the node, as its events tell it. That of the browser may differ, so they are never mixed. */
export class NodeClock {
  #heard: { readonly nodeMs: number; readonly pageMs: number } | undefined

  /** The node told an event with that time of its own. */
  hear(time: string, pageMs: number): void {
    this.#heard = { nodeMs: Date.parse(time), pageMs }
  }

  /**
   * The time at the node when the clock of the page shows `pageMs`. It is never before the newest event, so that what the
   * node has told is never in the future.
   */
  at(pageMs: number): number {
    if (this.#heard === undefined) return pageMs
    const { nodeMs, pageMs: heardMs } = this.#heard
    return nodeMs + Math.max(0, pageMs - heardMs)
  }
}
