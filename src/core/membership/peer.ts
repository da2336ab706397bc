/**
 * The knowledge about one other member: the claim about its liveness that holds now (shared by gossip), and this node's
 * own evidence (never shared).
 */
import { INCARNATION_UNKNOWN, type MemberState } from './update.ts'

export interface Peer {
  readonly id: string
  incarnation: number
  state: MemberState
  suspectSinceMs: number
  /** When a frame of the member last arrived; undefined before the first. */
  lastHeardMs: number | undefined
  /** Whether the member has ever answered a request of this node. */
  answeredEver: boolean
  /** Since when this node's requests go unanswered; undefined while they are answered. */
  failingSinceMs: number | undefined
  /** Whether the member has said that it stops. It still answers, but wants no further requests. */
  isLeaving: boolean
  /** The number of the ping with which this node said farewell; undefined if it did not, or the peer has acked it. */
  farewellSeq: number | undefined
  lastPingMs: number
  probe: Probe | undefined
}

/** An unanswered ping that will raise suspicion. At most one for each member. */
export interface Probe {
  readonly seq: number
  readonly startedMs: number
  phase: 'direct' | 'indirect'
  deadlineMs: number
  /** The relays that were asked, and how many of them have sent a nack. 0 <= nacks <= relays */
  relays: number
  nacks: number
}

/** A new peer is down until it is heard, so a start does not wait for members that may be dead. */
export function unknownPeer(id: string): Peer {
  return {
    id,
    incarnation: INCARNATION_UNKNOWN,
    state: 'down',
    suspectSinceMs: 0,
    lastHeardMs: undefined,
    answeredEver: false,
    failingSinceMs: undefined,
    isLeaving: false,
    farewellSeq: undefined,
    lastPingMs: Number.NEGATIVE_INFINITY,
    probe: undefined,
  }
}

/** Whether the peer takes this node's requests. It is down after `patienceMs` without an answer. */
export function directState(peer: Peer, nowMs: number, patienceMs: number): MemberState {
  if (!peer.answeredEver || peer.isLeaving) return 'down'
  if (peer.failingSinceMs === undefined) return 'up'
  return nowMs - peer.failingSinceMs >= patienceMs ? 'down' : 'suspect'
}

export function markAnswered(peer: Peer): void {
  peer.answeredEver = true
  peer.failingSinceMs = undefined
}

/** A relay of the probe of this peer has got no answer so far. */
export function countNack(probed: Peer | undefined): void {
  if (probed?.probe !== undefined) probed.probe.nacks += 1
}

/** Whether any frame of the peer was heard at or after `sinceMs`. */
export function heardSince(peer: Peer, sinceMs: number): boolean {
  return peer.lastHeardMs !== undefined && peer.lastHeardMs >= sinceMs
}
