/**
 * Decides which peers this node may choose to coordinate a request, to answer, or to keep a copy. These are the peers
 * that liveness.ts believes to be in reach, and whose clocks this node does not refuse. An answer from a node with a
 * refused clock never counts, so asking it would only make the outcome of a write unknown.
 *
 * Invariant: both beliefs only decide which peers are asked, and which requests are refused before anything is sent. No
 * count of copies reads them, because they may be wrong.
 */
import type { ReplicaReport } from '../../core/errors.ts'
import { Signal } from '../../core/signal.ts'
import type { Liveness } from './liveness.ts'
import type { NodeClock } from '../identity/node-clock.ts'

export interface PeerReach {
  /** Whether the node is worth asking. */
  readonly isReachable: (node: string) => boolean
  /** Whether it is also expected to answer soon. */
  readonly isResponsive: (node: string) => boolean
  /** A peer may be in reach again. */
  readonly returned: Signal<[peer: string]>
}

type Refusals = Pick<NodeClock, 'isRefused'>

export function peerReach(liveness: Liveness, clock: NodeClock): PeerReach {
  const returned = new Signal<[peer: string]>()
  liveness.returned.listen((peer) => returned.emit(peer))
  clock.believed.listen((peer) => returned.emit(peer))
  const isReachable = (node: string): boolean => liveness.reachable(node) && !clock.isRefused(node)
  const isResponsive = (node: string): boolean => isReachable(node) && liveness.responsive(node)
  return { isReachable, isResponsive, returned }
}

/** Selects the nodes that a request may use. At a sloppy level, a silent node has a stand-in that answers sooner. */
export function usableNodes(
  nodes: readonly string[],
  { isReachable, isResponsive }: PeerReach,
  sloppy: boolean,
): string[] {
  return nodes.filter(sloppy ? isResponsive : isReachable)
}

/** Moves nodes that are not expected to answer soon to the end. Keeps the order otherwise. */
export function soonestFirst(
  nodes: readonly string[],
  { isResponsive }: PeerReach,
): readonly string[] {
  return [...nodes.filter(isResponsive), ...nodes.filter((node) => !isResponsive(node))]
}

/** Puts this node first, because it costs no message. The others follow by their measured round-trip time. */
export function nearestFirst(
  nodes: readonly string[],
  self: string,
  latencyMs: (node: string) => number,
): readonly string[] {
  if (nodes.length < 2) return nodes
  const cost = (node: string): number => (node === self ? -1 : latencyMs(node))
  return [...nodes].sort((a, b) => cost(a) - cost(b))
}

/** The end of a sentence about the nodes in reach: it names the nodes with refused clocks. '' if there are none. */
export function refusedWords(nodes: readonly string[], clock: Refusals): string {
  const refused = nodes.filter((node) => clock.isRefused(node))
  return refused.length === 0
    ? ''
    : `; these nodes' clocks are too far ahead: ${refused.join(', ')}`
}

/** The report of an owner that was not asked because it is not in reach. */
export function reportOfUnasked(node: string, clock: Refusals): ReplicaReport {
  return clock.isRefused(node)
    ? { node, status: 'error', error: 'not asked: its clock is too far ahead', ms: 0 }
    : { node, status: 'unreachable', ms: 0 }
}
