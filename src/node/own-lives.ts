/**
 * The lives that a directory knows as its own (directory-proof.ts): each start is listed, together with the incarnation
 * that it takes, before a message can tell anybody of it.
 */
import type { Timestamp } from '../core/causality/dot.ts'
import type { NodeState } from './node-state.ts'
import { NAMED_LIVES_MAX } from './peer-lives.ts'

/** A life that had this directory, with the clock's bound that it found there. */
export type OwnLife = readonly [life: number, bound: Timestamp, incarnation: number]

/** Of a life that no peer can name any more: what it still says is where the one before it ended. */
const NAMELESS = -1

/** As many as peers tell by name, the last one last; an older one counts as a stranger's. */
export function ownLivesIn(state: NodeState): readonly OwnLife[] {
  return (state.get('own-lives') as readonly OwnLife[] | undefined) ?? []
}

/** The list with a life that begins now. */
export function withNewLife(state: NodeState, life: number, incarnation: number): OwnLife[] {
  const bound = (state.get('clock') as Timestamp | undefined) ?? 0
  // A number that is drawn again is the newer life's.
  const earlier = ownLivesIn(state).map(([its, ...rest]): OwnLife => [
    its === life ? NAMELESS : its,
    ...rest,
  ])
  return [...earlier, [life, bound, incarnation] as const].slice(-NAMED_LIVES_MAX)
}

/**
 * A version that keeps no list may have had this directory since the last life that is listed: then no bound in it is
 * what the next life found. To be asked before this life takes an incarnation.
 */
export function hasUnlistedLives(state: NodeState): boolean {
  const [, , incarnation] = ownLivesIn(state).at(-1) ?? []
  return incarnation !== state.get('incarnation')
}
