/**
 * Decides which process a peer accepts when several processes use the same node id (after a restart, with a disk in
 * the place of a lost one, or because a second process was started by mistake). Each process has a number, its life.
 *
 * Invariant: a peer has links with one life of a node at a time. Once it has taken a newer life it never listens to the
 * older one again, so from then on it never counts for the older one, even if only that one is alive. A link is a reason
 * to refuse a newcomer, never a reason to let one in.
 */

/** If a node restarts more often than this while an older process is alive, peers may accept the older one again. */
export const SUPERSEDED_MAX = 64

export interface KnownLives {
  readonly current: number
  /** The latest last. */
  readonly superseded: readonly number[]
}

export type LifeVerdict =
  /** The life that is listened to. */
  | 'current'
  /** May take the place of the current one, if any. */
  | 'newcomer'
  /** The current one is there: a second process has the same id. */
  | 'in_use'
  /** A newer life has taken its place. */
  | 'superseded'

/** `isLinked`: whether there is a link with the current life now. */
export function judgeLife(
  known: KnownLives | undefined,
  life: number,
  isLinked: boolean,
): LifeVerdict {
  if (known === undefined) return 'newcomer'
  if (known.current === life) return 'current'
  if (known.superseded.includes(life)) return 'superseded'
  return isLinked ? 'in_use' : 'newcomer'
}

/** After a newcomer has been taken. */
export function withNewcomer(known: KnownLives | undefined, life: number): KnownLives {
  if (known === undefined) return { current: life, superseded: [] }
  const superseded = [...known.superseded, known.current].slice(-SUPERSEDED_MAX)
  return { current: life, superseded }
}

/**
 * How many other owners must listen to a life alone before it may count as one of `owners`, where another process of the
 * node may still count: so many that the older one finds no majority any more.
 */
export function fencesNeeded(owners: number): number {
  const needed = owners - (Math.floor(owners / 2) + 1) + 1
  return Math.min(needed, owners - 1)
}
