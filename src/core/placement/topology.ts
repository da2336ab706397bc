import type { MemberChange } from './member-change.ts'

/**
 * The topology document: who the members are, which of them own each data partition, and which buckets
 * exist. Every message carries its epoch. The first one is a pure function of the configured member list
 * (see first-topology.ts), so a cluster forms without a bootstrap race; later ones are decided by consensus.
 */
export interface Topology {
  /** The founding id: the same on every node that was given the same first member list, of whatever cluster. */
  readonly clusterId: string
  /** The random id of this cluster, agreed on once (core/membership/cluster-identity.ts). */
  readonly identity?: string
  /** Rises by one with each decided change; 1 for the first document. */
  readonly epoch: number
  /** The first ones in the order of their ids, later ones in the order in which they came. */
  readonly members: readonly Member[]
  /** Those that decide the next document: at most `VOTERS_MAX` members. */
  readonly voters: readonly string[]
  /**
   * For each data partition, all members in order of preference: with a bucket's n, the first n are the
   * owners and the rest are the fallbacks. Indexes into `members`.
   */
  readonly preference: readonly (readonly number[])[]
  /** The epoch of the document that last changed whom a key's requests ask: they are bound to it. */
  readonly placedAt: number
  /** The change of the members that is under way: one at a time. */
  readonly change?: MemberChange
  /** By name. */
  readonly buckets: readonly Bucket[]
  /** What seals the tokens of sessions, in hex: drawn and decided once, never shown to clients. */
  readonly sessionKey?: string
}

export interface Member {
  /** `[a-z0-9-]{1,32}`. */
  readonly id: string
  /** `http://host:port` of its peer port. */
  readonly peerUrl: string
  /** Members of one zone are expected to fail together; owners of a key are kept in distinct zones. */
  readonly zone: string
}

export interface Bucket {
  readonly name: string
  readonly mode: BucketMode
  /** Copies of each key; never more than there are members. */
  readonly n: number
  /** The level of requests that name none. */
  readonly consistency: 'weak' | 'eventual' | 'causal' | 'quorum' | 'all' | 'strong'
  readonly durability: 'sync' | 'os'
  /** Age at which values written without a `ttl` of their own expire; null means never. */
  readonly ttlSeconds: number | null
}

export type BucketMode = 'siblings' | 'lww' | 'strong' | 'counter' | 'set'

/** Whether values of the bucket are changed by updates that merge, never written whole. */
export function isTypeMode(mode: BucketMode): mode is 'counter' | 'set' {
  return mode === 'counter' || mode === 'set'
}

/** Of more members some have no vote: every decision waits for a majority of the voters. */
export const VOTERS_MAX = 5

/** Q: fixed for the life of a cluster. */
export const PARTITION_COUNT = 128
