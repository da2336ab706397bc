/** Collects the messages of one turn of the event loop: one ordered list for each peer and channel. */
import type { Encodable } from '../../ports/codec.ts'
import type { Channel } from '../../ports/network.ts'

interface Outbox {
  readonly to: string
  readonly channel: Channel
  items: Encodable[]
}

export class Outboxes {
  /** All outboxes, in the order of their first use: at most two for each peer. */
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

  /** Passes the messages of each outbox to `send`, and empties the outbox. */
  drain(send: (to: string, channel: Channel, items: readonly Encodable[]) => void): void {
    for (const outbox of this.#all) {
      const { to, channel, items } = outbox
      if (items.length === 0) continue
      outbox.items = []
      send(to, channel, items)
    }
  }
}
