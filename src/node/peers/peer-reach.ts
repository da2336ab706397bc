/**
 * Decides which peers this node counts on, wherever it chooses one to coordinate, to answer or to keep a copy: those
 * that liveness.ts believes in reach, and whose clocks this node believes. An answer of a refused clock counts
 * nowhere, so an ask would only make the outcome of a write unknown.
 *
 * Both are guesses: they decide who is asked, and what is refused before anything is sent. No count of copies reads them.
 */
import type { ReplicaReport } from '../../core/errors.ts'
import type { Liveness } from './liveness.ts'
import type { NodeClock } from '../identity/node-clock.ts'

export interface PeerReach {
  /** Worth asking; for sloppy levels, expected to answer soon. */
  readonly inReach: (node: string, sloppy: boolean) => boolean
  /** As `inReach` for strict levels. */
  readonly reachable: (node: string) => boolean
}

/** What is told of the clocks of others. */
type Refusals = Pick<NodeClock, 'isRefused'>

/** `onReturn` is told of each peer that may be in reach again. */
export function peerReach(
  liveness: Liveness,
  clock: NodeClock,
  onReturn: (peer: string) => void,
): PeerReach {
  liveness.onReturn = onReturn
  clock.onBelieved = onReturn
  const reachable = (node: string): boolean => liveness.reachable(node) && !clock.isRefused(node)
  const inReach = (node: string, sloppy: boolean): boolean =>
    reachable(node) && (!sloppy || liveness.responsive(node))
  return { inReach, reachable }
}

/** Of the nodes in reach, those that are not expected to answer soon come last; else the order stays. */
export function soonestFirst(
  nodes: readonly string[],
  inReach: PeerReach['inReach'],
): readonly string[] {
  const isSoon = (node: string): boolean => inReach(node, true)
  return [...nodes.filter(isSoon), ...nodes.filter((node) => !isSoon(node))]
}

/** The end of a sentence that says who is in reach: why others are not. '' where no clock is refused. */
export function refusedWords(nodes: readonly string[], clock: Refusals): string {
  const refused = nodes.filter((node) => clock.isRefused(node))
  return refused.length === 0 ? '' : `; too far ahead are the clocks of: ${refused.join(', ')}`
}

/** What is told of an owner that was not asked, because it is not in reach. */
export function reportOfUnasked(node: string, clock: Refusals): ReplicaReport {
  return clock.isRefused(node)
    ? { node, status: 'error', error: 'not asked: its clock is too far ahead', ms: 0 }
    : { node, status: 'unreachable', ms: 0 }
}
