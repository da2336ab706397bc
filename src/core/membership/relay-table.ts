/**
 * The pings that this node sent at another node's request, and whose answers it passes on. Bounded: requests beyond the
 * bound are dropped, and the requester's own timeout covers them.
 */

interface Relay {
  readonly requester: string
  /** The requester's number of its probe. */
  readonly requesterSeq: number
  readonly target: string
  readonly startedMs: number
  nacked: boolean
}

const RELAYS_MAX = 64
/** Later answers are not passed on, because the requester has decided by then. */
const RELAY_LIFE_MS = 2000

export class RelayTable {
  /** By the number of this node's ping; in the order of `startedMs`. */
  readonly #relays = new Map<number, Relay>()

  /** False if the table is full. */
  add(seq: number, relay: Omit<Relay, 'nacked'>): boolean {
    if (this.#relays.size >= RELAYS_MAX) return false
    this.#relays.set(seq, { ...relay, nacked: false })
    return true
  }

  /** Removes and returns the relay of this node's ping `seq` to `target`. */
  take(seq: number, target: string): Relay | undefined {
    const relay = this.#relays.get(seq)
    if (relay?.target !== target) return undefined
    this.#relays.delete(seq)
    return relay
  }

  /** Drops relays that are too old, and returns those whose nack is due now, each once. */
  due(nowMs: number, nackAfterMs: number): Relay[] {
    const due: Relay[] = []
    for (const [seq, relay] of this.#relays) {
      const ageMs = nowMs - relay.startedMs
      if (!relay.nacked && ageMs >= nackAfterMs) {
        relay.nacked = true
        due.push(relay)
      }
      if (ageMs >= RELAY_LIFE_MS) this.#relays.delete(seq)
    }
    return due
  }
}
