/**
 * The lives that a directory knows as its own (directory-proof.ts): each start is listed, together with the incarnation
 * that it takes, before a message can tell anybody of it.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { NodeState } from './node-state.ts'
import { NAMED_LIVES_MAX } from './peer-lives.ts'

/** A life that had this directory, with the clock's bound that it found there. */
export type OwnLife = readonly [life: number, bound: Timestamp, incarnation: number]

/** The number of a life that no peer can name any more. Its entry only tells where the life before it ended. */
const NAMELESS = -1

/** The latest lives, the last one last: as many as peers name. A life that is older counts as a stranger's. */
export function ownLivesIn(state: NodeState): readonly OwnLife[] {
  return (state.get('own-lives') as readonly OwnLife[] | undefined) ?? []
}

/** The list with a life that begins now. */
export function withNewLife(state: NodeState, life: number, incarnation: number): OwnLife[] {
  const bound = (state.get('clock') as Timestamp | undefined) ?? 0
  // Where the same number was drawn twice, it names the newer life.
  const earlier = ownLivesIn(state).map(([its, ...rest]): OwnLife => [
    its === life ? NAMELESS : its,
    ...rest,
  ])
  return [...earlier, [life, bound, incarnation] as const].slice(-NAMED_LIVES_MAX)
}

/**
 * Whether a life after the last listed one had this directory: a version that keeps no list may have used it. Then the
 * bounds in the list no longer tell where each life ended. Call this before the present life takes an incarnation.
 */
export function hasUnlistedLives(state: NodeState): boolean {
  const [, , incarnation] = ownLivesIn(state).at(-1) ?? []
  return incarnation !== state.get('incarnation')
}
