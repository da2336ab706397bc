/** The events of `GET /v1/events` at a node, as far as the page shows them. */

export type PeerState = 'up' | 'suspect' | 'down'

/** The event `status`: the cluster as that node sees it. */
export interface NodeStatus {
  /** When the node told it, as an ISO date. */
  readonly time: string
  readonly node: string
  readonly epoch: number
  /** One sentence, or more. */
  readonly verdict: string
  readonly failureTolerance: number
  readonly partitions: number
  readonly partitionsWithoutQuorum: readonly number[]
  readonly members: readonly MemberStatus[]
  /** For each member its view of every other one; null if it did not answer. */
  readonly reachability: Readonly<Record<string, Readonly<Record<string, PeerState>> | null>>
  /** What the node keeps for each owner out of reach. */
  readonly hints: Readonly<Record<string, { readonly pending: number }>>
  readonly moves: {
    readonly kind: string
    readonly joining: string | null
    readonly leaving: string | null
  } | null
  readonly storage: { readonly state: string }
}

export interface MemberStatus {
  readonly id: string
  readonly zone: string
  readonly state: PeerState
  readonly clockOffsetMs: number | null
  readonly lastHeardMsAgo: number | null
}

/** The event `requests`: totals of this node since its start. */
export interface NodeRequests {
  readonly time: string
  readonly counts: readonly {
    readonly op: string
    readonly level: string
    readonly code: string
    readonly count: number
  }[]
  readonly boundsSeconds: readonly number[]
  readonly durations: readonly {
    readonly op: string
    readonly level: string
    /** How many requests took at most so long as the bound, and longer than the one before. The last has no bound. */
    readonly counts: readonly number[]
  }[]
}

/** The event `repairs`: totals since the start of the node, each by the other node; '' if there is none. */
export interface NodeRepairs {
  readonly time: string
  readonly readRepairs: Readonly<Record<string, number>>
  readonly hintsStored: Readonly<Record<string, number>>
  readonly hintsDelivered: Readonly<Record<string, number>>
  readonly hintsDropped: Readonly<Record<string, number>>
  readonly exchangedKeys: Readonly<Record<string, number>>
  readonly movedKeys: Readonly<Record<string, number>>
}

/** The answer of `GET /v1/cluster/ring`: the owners of a key, and what each holds. */
export interface NodeRing {
  readonly bucket: string
  readonly key: string
  readonly preference: readonly {
    readonly node: string
    readonly role: 'owner' | 'fallback'
    /** Null if the node did not answer. */
    readonly holds: { readonly siblings: number; readonly tombstones: number } | null
  }[]
}
