/**
 * Decides which process a peer accepts when several processes use the same node id: after a restart, with a new disk in
 * place of a lost one, or because a second process was started by mistake. Each process has a number, its life.
 *
 * Invariant: a peer has links with one life of a node at a time. After it has accepted a newer life it never accepts
 * the older one again, so it never counts for the older one, even if only that one is alive. An open link is a reason
 * to refuse a newcomer, never a reason to accept one.
 */

/** If a node restarts more often than this while an older process is alive, peers may accept the older one again. */
export const SUPERSEDED_MAX = 64

export interface KnownLives {
  readonly current: number
  /** Oldest first. */
  readonly superseded: readonly number[]
}

export type LifeVerdict =
  /** The accepted life. */
  | 'current'
  /** May replace the current life, if there is one. */
  | 'newcomer'
  /** The current life has a link: a second process uses the same id. */
  | 'in_use'
  /** A newer life has replaced it. */
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

/** The state after a newcomer has been accepted. */
export function withNewcomer(known: KnownLives | undefined, life: number): KnownLives {
  if (known === undefined) return { current: life, superseded: [] }
  const superseded = [...known.superseded, known.current].slice(-SUPERSEDED_MAX)
  return { current: life, superseded }
}

/**
 * How many other owners must accept only this life before it may count as one of `owners` while another process of the
 * node may still count. With that many, the older process can no longer find a majority.
 */
export function fencesNeeded(owners: number): number {
  const needed = owners - (Math.floor(owners / 2) + 1) + 1
  return Math.min(needed, owners - 1)
}
