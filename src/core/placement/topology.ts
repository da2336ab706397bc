import type { AccessToken } from '../access/access-token.ts'
import type { MemberChange } from './member-change.ts'

/**
 * The topology document: the members, the owners of each data partition, and the buckets. Every message carries its
 * epoch. The first document is a pure function of the configured member list (see first-topology.ts), so a cluster
 * forms without a bootstrap race. Later documents are decided by consensus.
 */
export interface Topology {
  /** The founding id: equal on all nodes with the same first member list, even in different clusters. */
  readonly clusterId: string
  /** The random id of this cluster, decided once (core/membership/cluster-identity.ts). */
  readonly identity?: string
  /** Rises by one with each decided change; 1 for the first document. */
  readonly epoch: number
  /** The first members in the order of their ids, then the others in the order in which they joined. */
  readonly members: readonly Member[]
  /** The members that decide the next document: at most `VOTERS_MAX`. */
  readonly voters: readonly string[]
  /**
   * For each data partition, the indexes of all members in order of preference. For a bucket's n, the first n are the
   * owners and the rest are the fallbacks.
   */
  readonly preference: readonly (readonly number[])[]
  /** The epoch of the last document that changed the owners or next owners of any key. Requests are bound to it. */
  readonly placementVersion: number
  /** The change of the members that is under way; at most one at a time. */
  readonly change?: MemberChange
  /** Members whose disks are lost, and that will be removed, in this order (lost-members.ts). */
  readonly lost?: readonly string[]
  /** Sorted by name. No two have the same label (bucket-name.ts). */
  readonly buckets: readonly Bucket[]
  /** The epoch of the last document that deleted a bucket; undefined before the first deletion. */
  readonly lastDeletion?: number
  /** The deletion under way, of a bucket that may be deleted only if it is empty; at most one at a time. */
  readonly deletion?: BucketDeletion
  /** The key that seals session tokens, in hex. Decided once, never shown to clients. */
  readonly sessionKey?: string
  /** Sorted by name; undefined if there are none (token-steps.ts). Never shown to clients with their hashes. */
  readonly tokens?: readonly AccessToken[]
}

export interface Member {
  /** `[a-z0-9-]{1,32}`. */
  readonly id: string
  /** `http://host:port` of its peer port. */
  readonly peerUrl: string
  /** Members of one zone are expected to fail together. The owners of a key are placed in distinct zones. */
  readonly zone: string
}

/** Until it is over, no member takes a write to the bucket (bucket-steps.ts). */
export interface BucketDeletion {
  /** The name of the bucket. */
  readonly bucket: string
  /** Belongs to this deletion alone. */
  readonly id: string
}

export interface Bucket {
  /** No other bucket ever has this name. Clients know the bucket by a part of it, its label (bucket-name.ts). */
  readonly name: string
  readonly mode: BucketMode
  /** Copies of each key; never more than there are members. */
  readonly n: number
  /** The level of requests that name none. */
  readonly consistency: 'weak' | 'eventual' | 'causal' | 'quorum' | 'all' | 'strong'
  readonly durability: 'sync' | 'os'
  /** The time to live of values without a `ttl` of their own; null means that they never expire. */
  readonly ttlSeconds: number | null
}

export type BucketMode = 'siblings' | 'lww' | 'strong' | 'counter' | 'set'

/** Whether clients change values of the bucket only by updates that merge, and never write them whole. */
export function isTypeMode(mode: BucketMode): mode is 'counter' | 'set' {
  return mode === 'counter' || mode === 'set'
}

/** If there are more members, the others have no vote: every decision waits for a majority of the voters. */
export const VOTERS_MAX = 5

/** Q: fixed for the life of a cluster. */
export const PARTITION_COUNT = 128

/** The numbers of copies that the buckets have, each once, in ascending order. */
export function copyCounts({ buckets }: Pick<Topology, 'buckets'>): number[] {
  return [...new Set(buckets.map(({ n }) => n))].sort((a, b) => a - b)
}
