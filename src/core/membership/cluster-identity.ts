/**
 * Decides whether two nodes belong to the same cluster, from the ids that both announce.
 *
 * A cluster has a founding id, which follows from the names of its first members, and a random id, on which it agrees
 * once. Clusters with the same names share the first but never the second. Invariant: two nodes with different random
 * ids never have a link.
 */
import { assert } from '../assert.ts'

export interface ClusterIdentity {
  /** '' if a node does not announce it. */
  readonly founding: string
  /** Undefined before the cluster has agreed on one, and for nodes that speak version 2 of the protocol. */
  readonly id?: string | undefined
}

const SHOWN_CHARACTERS = 8

/** A sentence that says why the peer is in another cluster; undefined if it may be in the same one. */
export function whyOtherCluster(
  self: string,
  ours: ClusterIdentity,
  peer: string,
  theirs: ClusterIdentity,
): string | undefined {
  if (theirs.founding !== '' && theirs.founding !== ours.founding) {
    return `${self} belongs to another cluster: its member list differs`
  }
  if (ours.id === undefined || theirs.id === undefined || ours.id === theirs.id) return undefined
  const [own, other] = [ours.id, theirs.id].map((id) => id.slice(0, SHOWN_CHARACTERS))
  return (
    `${self} belongs to cluster ${own}, but the node ${peer} that it reached belongs to another cluster, ${other}: ` +
    'check the addresses in QUORATE_MEMBERS'
  )
}

/**
 * The random id of this node's cluster: the id in the topology. Until the topology has one, it is the id announced by
 * the first node that this node dialled. A node dials the members of its own list, so a stranger that dials this node
 * cannot choose its cluster.
 */
export class OwnCluster {
  #id: string | undefined

  constructor(decided: string | undefined) {
    this.#id = decided
  }

  get id(): string | undefined {
    return this.#id
  }

  /** From now on this node belongs to that cluster and to no other. */
  learn(id: string): void {
    assert(this.#id === undefined || this.#id === id, 'a node never changes its cluster')
    this.#id = id
  }
}
