/**
 * The parameters of failure detection. They bound the load: a constant number of messages for each node and interval,
 * whatever the size of the cluster. They also bound the time until a silent member is down: at most 3 intervals until
 * it is probed (5 members), two timeouts until it is suspect, then the suspicion.
 */
export interface MembershipSettings {
  /** Time between two rounds of probes. */
  readonly probeIntervalMs: number
  /** Members probed in each round, in random round-robin order. */
  readonly probesPerInterval: number
  /** Members that are pinged in each round in addition, in turn: those that are not up, or not directly in reach. */
  readonly rechecksPerInterval: number
  /** How long a ping may stay unanswered before relays are asked to ping. */
  readonly directTimeoutMs: number
  /** How long the relays may stay without an answer before the member is suspect. */
  readonly indirectTimeoutMs: number
  /** k: the number of relays. */
  readonly indirectProbes: number
  /** When a relay reports that it has no answer so far. Well below `indirectTimeoutMs`: see health.ts. */
  readonly nackAfterMs: number
  /**
   * Time for a suspect to refute before it is down. Multiplied by log10 of the number of members if there are more than
   * 10.
   */
  readonly suspicionMs: number
  /** If a tick comes later than this after the one before, this node itself stood still. */
  readonly lateTickMs: number
  /** The highest local health score. Timeouts are stretched by at most 1 + this factor. */
  readonly healthScoreMax: number
  /** λ: an update is sent λ · ⌈log10(members + 1)⌉ times. */
  readonly retransmitMultiplier: number
  /** Updates about third members in one message. */
  readonly updatesPerMessageMax: number
}

export const MEMBERSHIP_SETTINGS: MembershipSettings = {
  probeIntervalMs: 500,
  probesPerInterval: 2,
  rechecksPerInterval: 4,
  directTimeoutMs: 250,
  indirectTimeoutMs: 250,
  indirectProbes: 2,
  nackAfterMs: 100,
  suspicionMs: 1500,
  lateTickMs: 400,
  healthScoreMax: 2,
  retransmitMultiplier: 4,
  updatesPerMessageMax: 8,
}

/** Time for a suspect to refute in a cluster of this size. */
export function suspicionTimeoutMs(settings: MembershipSettings, memberCount: number): number {
  return settings.suspicionMs * Math.max(1, Math.log10(memberCount))
}

/** How often one node sends one update. */
export function retransmitLimit(settings: MembershipSettings, memberCount: number): number {
  return settings.retransmitMultiplier * Math.ceil(Math.log10(memberCount + 1))
}
