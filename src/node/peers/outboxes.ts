/** What is bound for each peer in this turn of the event loop: one list a peer and channel, in order. */
import type { Encodable } from '../../ports/codec.ts'
import type { Channel } from '../../ports/network.ts'

interface Outbox {
  readonly to: string
  readonly channel: Channel
  items: Encodable[]
}

export class Outboxes {
  /** In the order in which they were first used; as many as there are peers, twice. */
  readonly #all: Outbox[] = []
  readonly #of: Readonly<Record<Channel, Map<string, Outbox>>> = {
    ask: new Map(),
    answer: new Map(),
  }

  add(to: string, channel: Channel, item: Encodable): void {
    let outbox = this.#of[channel].get(to)
    if (outbox === undefined) {
      outbox = { to, channel, items: [] }
      this.#of[channel].set(to, outbox)
      this.#all.push(outbox)
    }
    outbox.items.push(item)
  }

  /** Gives what each holds, and leaves it empty. */
  drain(send: (to: string, channel: Channel, items: readonly Encodable[]) => void): void {
    for (const outbox of this.#all) {
      const { to, channel, items } = outbox
      if (items.length === 0) continue
      outbox.items = []
      send(to, channel, items)
    }
  }
}
