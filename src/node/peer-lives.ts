/**
 * How far each peer's clock had come in its earlier lives, as far as this node has heard: what a peer needs to
 * know whether the directory that it starts with is the newest copy of itself. Every frame carries a number
 * that is its sender's process's own, so that the present life is told from earlier ones.
 */
import type { Timestamp } from '../core/causality/dot.ts'
import type { Encodable } from '../ports/codec.ts'

interface Heard {
  life: number
  stamp: Timestamp
  /** The highest stamp of all lives before. */
  past: Timestamp
}

export class PeerLives {
  readonly #heard = new Map<string, Heard>()

  /** `stored` is what `encode` gave in an earlier life of this node. */
  constructor(stored: Encodable | undefined) {
    if (!Array.isArray(stored)) return
    for (let i = 0; i + 1 < stored.length; i += 2) {
      const [peer, past] = stored.slice(i, i + 2) as unknown[] as [string, Timestamp]
      this.#heard.set(peer, { life: 0, stamp: 0, past })
    }
  }

  note(peer: string, life: number, stamp: Timestamp): void {
    const heard = this.#heard.get(peer)
    if (heard === undefined) {
      this.#heard.set(peer, { life, stamp, past: 0 })
    } else if (heard.life === life) {
      if (stamp > heard.stamp) heard.stamp = stamp
    } else {
      heard.past = Math.max(heard.past, heard.stamp)
      heard.life = life
      heard.stamp = stamp
    }
  }

  /** The highest stamp heard of the peer before its present life; 0 where it was never heard. */
  past(peer: string): Timestamp {
    return this.#heard.get(peer)?.past ?? 0
  }

  encode(): Encodable[] {
    return [...this.#heard].flatMap(([peer, { stamp, past }]) => [peer, Math.max(stamp, past)])
  }
}
