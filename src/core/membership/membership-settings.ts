/**
 * The numbers of failure detection. They bound both the load (a constant number of messages per node and
 * interval, whatever the size of the cluster) and the time in which a silent member is called down:
 * at most 3 intervals until it is probed (5 members), two timeouts until it is suspect, then the suspicion.
 */
export interface MembershipSettings {
  /** Time between two rounds of probes. */
  readonly probeIntervalMs: number
  /** Members probed in each round, in random round-robin order. */
  readonly probesPerInterval: number
  /** Members not up, or not directly in reach, that are pinged in each round in addition, in turn. */
  readonly rechecksPerInterval: number
  /** How long the answer to a ping is waited for before others are asked to ping. */
  readonly directTimeoutMs: number
  /** How long the answers of those others are waited for before the member is suspect. */
  readonly indirectTimeoutMs: number
  /** k: how many others are asked to ping. */
  readonly indirectProbes: number
  /** When a relay says that it has no answer so far. Well below `indirectTimeoutMs`: see health.ts. */
  readonly nackAfterMs: number
  /** How long a suspect may refute before it is down; times log10 of the number of members above 10. */
  readonly suspicionMs: number
  /** A tick later than this after the one before shows that this node itself stood still. */
  readonly lateTickMs: number
  /** The highest local health score; timeouts are stretched by up to 1 + this. */
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

/** How long a suspect of a cluster of this size may refute. */
export function suspicionTimeoutMs(settings: MembershipSettings, memberCount: number): number {
  return settings.suspicionMs * Math.max(1, Math.log10(memberCount))
}

/** How often one update is sent by one node. */
export function retransmitLimit(settings: MembershipSettings, memberCount: number): number {
  return settings.retransmitMultiplier * Math.ceil(Math.log10(memberCount + 1))
}
