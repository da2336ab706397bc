/**
 * What is known of one other member: the claim about its life that stands (shared by gossip), and this
 * node's own evidence of it (never shared).
 */
import { INCARNATION_UNKNOWN, type MemberState } from './update.ts'

export interface Peer {
  readonly id: string
  incarnation: number
  state: MemberState
  suspectSinceMs: number
  /** When any frame of it last arrived; undefined before the first. */
  lastHeardMs: number | undefined
  /** Whether any request of ours was ever answered by it. */
  answeredEver: boolean
  /** Since when our own requests go unanswered; undefined while they are answered. */
  failingSinceMs: number | undefined
  lastPingMs: number
  probe: Probe | undefined
}

/** An unanswered ping that will raise suspicion. At most one a member. */
export interface Probe {
  readonly seq: number
  readonly startedMs: number
  phase: 'direct' | 'indirect'
  deadlineMs: number
  /** 0 <= nacks; answers of the relays that were asked. */
  relays: number
  nacks: number
}

/** Down until heard: a start does not wait for members that may be dead. */
export function unknownPeer(id: string): Peer {
  return {
    id,
    incarnation: INCARNATION_UNKNOWN,
    state: 'down',
    suspectSinceMs: 0,
    lastHeardMs: undefined,
    answeredEver: false,
    failingSinceMs: undefined,
    lastPingMs: Number.NEGATIVE_INFINITY,
    probe: undefined,
  }
}

/** Whether this node's own requests to it are answered; down after `patienceMs` without. */
export function directState(peer: Peer, nowMs: number, patienceMs: number): MemberState {
  if (!peer.answeredEver) return 'down'
  if (peer.failingSinceMs === undefined) return 'up'
  return nowMs - peer.failingSinceMs >= patienceMs ? 'down' : 'suspect'
}

export function markAnswered(peer: Peer): void {
  peer.answeredEver = true
  peer.failingSinceMs = undefined
}

/** Whether anything was heard of it at or after `sinceMs`. */
export function heardSince(peer: Peer, sinceMs: number): boolean {
  return peer.lastHeardMs !== undefined && peer.lastHeardMs >= sinceMs
}
