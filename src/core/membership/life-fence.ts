/**
 * Which process of a node a peer listens to, where more than one goes by the node's id (a restart, a lost disk that was
 * replaced, a twin started by mistake). Each process has a number, its life.
 *
 * Invariant: at each moment a peer has links with one life of a node at most, and once it has taken a newer one it
 * never listens to the older one again. So a quorum that counts the older life lacks this peer from then on, whoever
 * of both is alive. That a life is linked is only a reason to refuse a newcomer, never one to let it in.
 */

/** Superseded lives that are remembered; more starts of one node than that while an older process lives are not met. */
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
