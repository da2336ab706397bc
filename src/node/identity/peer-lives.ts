/**
 * How far each peer's clock had come in its earlier lives, as far as this node has heard: what a peer needs to
 * know whether the directory that it starts with is the newest copy of itself. Every frame carries a number
 * that is its sender's process's own, so that the lives are told from each other.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { Encodable } from '../../ports/codec.ts'

/** The number of a process is below: the ids of its asks begin with it (peers.ts). */
export const LIVES_MAX = 2 ** 20

/** Of a peer's older lives only the highest stamp is kept, in one number. */
export const NAMED_LIVES_MAX = 32

/** What has been heard of a peer's lives. */
export interface HeardLives {
  /** Life → its highest stamp; the last ones heard. */
  readonly named: ReadonlyMap<number, Timestamp>
  /** The highest stamp of all other lives; 0 where there is none. */
  readonly unnamed: Timestamp
}

const NOTHING: HeardLives = { named: new Map(), unnamed: 0 }

interface Heard {
  life: number
  stamp: Timestamp
  past: HeardLives
}

export class PeerLives {
  readonly #heard = new Map<string, Heard>()

  /** `stored` is what `encode` gave in an earlier life of this node. */
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
   * What was heard of the peer before its present life; of that one, too, where this node has begun since, or a late
   * frame of an older one has come in between.
   */
  past(peer: string): HeardLives {
    return this.#heard.get(peer)?.past ?? NOTHING
  }

  /** `[peer, latest, …, [lives, …]]`: a version that knows no names of lives takes the pairs, and leaves the end. */
  encode(): Encodable[] {
    const peers = [...this.#heard.keys()]
    const lists = [...this.#heard.values()].map(({ life, stamp, past }) =>
      withLife(past, life, stamp),
    )
    const pairs = peers.flatMap((peer, i) => [peer, latestOf(lists[i] as HeardLives)])
    return [...pairs, lists.map((lives) => encodeLives(lives))]
  }
}

/** The highest stamp of them all. */
export function latestOf({ named, unnamed }: HeardLives): Timestamp {
  return Math.max(unnamed, ...named.values())
}

/** `[latest, unnamed, life, stamp, …]`: a node that knows no names of lives takes the first, and no more. */
export function encodeLives(lives: HeardLives): Encodable[] {
  return [latestOf(lives), lives.unnamed, ...[...lives.named].flat()]
}

/** Of an older version there is one number, the highest stamp. Undefined where it is no such list. */
export function parseLives(encoded: readonly Encodable[]): HeardLives | undefined {
  if (!encoded.every((number) => Number.isSafeInteger(number))) return undefined
  const [latest, unnamed = latest, ...pairs] = encoded as readonly number[]
  if (latest === undefined || unnamed === undefined) return undefined
  const named = new Map<number, Timestamp>()
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    named.set(pairs[i] as number, pairs[i + 1] as Timestamp)
  }
  return { named, unnamed }
}

function withLife({ named, unnamed }: HeardLives, life: number, stamp: Timestamp): HeardLives {
  // Not heard yet in this life of this node.
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
