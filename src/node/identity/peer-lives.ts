/**
 * Remembers the highest stamp that this node has heard from each life of each peer. A peer that starts asks for these
 * stamps, to find out whether its data directory is the newest one (directory-proof.ts). Every frame carries the number
 * of its sender's process, which tells the lives apart.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { Encodable } from '../../ports/codec.ts'
import { encodeLives, type HeardLives, latestOf, parseLives } from '../wire/heard-lives.ts'

/** The number of a process is below this limit, because the ids of its asks begin with it (peers.ts). */
export const LIVES_MAX = 2 ** 20

/** Number of lives of a peer that are kept with their own stamps. Older lives share one stamp, the highest. */
export const NAMED_LIVES_MAX = 32

const NOTHING: HeardLives = { named: new Map(), unnamed: 0 }

interface Heard {
  life: number
  stamp: Timestamp
  past: HeardLives
}

export class PeerLives {
  readonly #heard = new Map<string, Heard>()

  /** `stored`: the result of `encode` in an earlier life of this node. */
  constructor(stored: Encodable | undefined) {
    if (!Array.isArray(stored)) return
    const lists = (stored.length % 2 === 1 ? stored.at(-1) : []) as readonly Encodable[]
    for (let i = 0; i + 1 < stored.length; i += 2) {
      const [peer, latest] = stored.slice(i, i + 2) as [string, Timestamp]
      const list = (lists[i / 2] as Encodable[] | undefined) ?? [latest]
      const past = parseLives(list) ?? { named: new Map(), unnamed: latest }
      this.#heard.set(peer, { life: 0, stamp: 0, past })
    }
  }

  note(peer: string, life: number, stamp: Timestamp): void {
    const heard = this.#heard.get(peer)
    if (heard === undefined) {
      this.#heard.set(peer, { life, stamp, past: NOTHING })
    } else if (heard.life === life) {
      if (stamp > heard.stamp) heard.stamp = stamp
    } else {
      heard.past = withLife(heard.past, heard.life, heard.stamp)
      heard.life = life
      heard.stamp = stamp
    }
  }

  /**
   * The stamps of the peer's lives before its current one. The current one is included if this node has restarted since,
   * or if a late frame of an older life arrived in between.
   */
  past(peer: string): HeardLives {
    return this.#heard.get(peer)?.past ?? NOTHING
  }

  /** Gives `[peer, latest, …, [lives, …]]`. A version that does not know named lives reads only the pairs. */
  encode(): Encodable[] {
    const peers = [...this.#heard.keys()]
    const lists = [...this.#heard.values()].map(({ life, stamp, past }) =>
      withLife(past, life, stamp),
    )
    const pairs = peers.flatMap((peer, i) => [peer, latestOf(lists[i] as HeardLives)])
    return [...pairs, lists.map((lives) => encodeLives(lives))]
  }
}

function withLife({ named, unnamed }: HeardLives, life: number, stamp: Timestamp): HeardLives {
  // This node has not heard from the peer since its own start.
  if (stamp === 0) return { named, unnamed }
  const next = new Map(named)
  const before = next.get(life) ?? 0
  next.delete(life)
  next.set(life, Math.max(before, stamp))
  for (const [oldest, its] of next) {
    if (next.size <= NAMED_LIVES_MAX) break
    next.delete(oldest)
    unnamed = Math.max(unnamed, its)
  }
  return { named: next, unnamed }
}
