/**
 * The lives that a directory lists as its own (directory-proof.ts). A *life* is one process on the directory. Each
 * start is listed with its incarnation before its first message, so no peer can hear of an unlisted life.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { NodeState } from './node-state.ts'
import { NAMED_LIVES_MAX } from './peer-lives.ts'

/** A life that has used this directory, and the clock's bound that it found there. */
export type OwnLife = readonly [life: number, bound: Timestamp, incarnation: number]

/** The number of a life that no peer can name any more. Its entry only shows where the previous life ended. */
const NAMELESS = -1

/**
 * The latest lives of this directory, oldest first, and at most as many as peers can name. A life that has left the
 * list is treated like one of another directory.
 */
export function ownLivesIn(state: NodeState): readonly OwnLife[] {
  return (state.get('own-lives') as readonly OwnLife[] | undefined) ?? []
}

/** The list of lives, with one that begins now. */
export function withNewLife(state: NodeState, life: number, incarnation: number): OwnLife[] {
  const bound = (state.get('clock') as Timestamp | undefined) ?? 0
  // If the same random number was drawn twice, it names the newer life.
  const earlier = ownLivesIn(state).map(([its, ...rest]): OwnLife => [
    its === life ? NAMELESS : its,
    ...rest,
  ])
  return [...earlier, [life, bound, incarnation] as const].slice(-NAMED_LIVES_MAX)
}

/**
 * Whether an unlisted life used this directory after the last listed one. An older version, which keeps no list, may
 * have done so. Then the bounds in the list do not show where each life ended. Call this before the current life takes
 * an incarnation.
 */
export function hasUnlistedLives(state: NodeState): boolean {
  const [, , incarnation] = ownLivesIn(state).at(-1) ?? []
  return incarnation !== state.get('incarnation')
}
