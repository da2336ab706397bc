/**
 * Decides in each handshake whether a peer may have a link with this node. Both ends of a link decide.
 *
 * A node that knows its cluster's random id accepts only nodes of that cluster, and nodes that know no cluster id yet.
 * A node without a cluster id adopts the id of the first node that it reaches through its own list of members. Until
 * then it refuses connections from nodes that have an id.
 *
 * If several processes use one node id, this node accepts only one of them (life-fences.ts).
 */
import {
  type ClusterIdentity,
  type OwnCluster,
  whyOtherCluster,
} from '../../core/membership/cluster-identity.ts'
import type { Credentials, Doorkeeper, Refusal } from '../../ports/network.ts'
import type { LifeFences } from './life-fences.ts'

export interface DoorkeeperParts {
  readonly self: string
  /** The id that follows from the names of the cluster's first members. */
  readonly founding: () => string
  /** The random id of this node's cluster, as far as this node knows it. */
  readonly cluster: OwnCluster
  /** The cluster's random id in the topology; undefined before the cluster has agreed on one. */
  readonly agreedId: () => string | undefined
  readonly epoch: () => number
  /** A number that is unique to this process. */
  readonly life: number
  readonly fences: LifeFences
  readonly isLinked: (peer: string) => boolean
}

export class NodeDoorkeeper implements Doorkeeper {
  readonly #parts: DoorkeeperParts

  constructor(parts: DoorkeeperParts) {
    this.#parts = parts
  }

  introduce(): Credentials {
    const { agreedId, founding, epoch, life } = this.#parts
    // Do not pass on an id that is known only from a handshake, because that handshake may have had a wrong address.
    return { founding: founding(), clusterId: agreedId(), life, epoch: epoch() }
  }

  judge(peer: string, theirs: Credentials, isDialled: boolean): Refusal | undefined {
    const { self, cluster, founding } = this.#parts
    const ours: ClusterIdentity = { founding: founding(), id: cluster.id }
    const identity = { founding: theirs.founding, id: theirs.clusterId }
    const other = whyOtherCluster(self, ours, peer, identity)
    if (other !== undefined) return { reason: 'other_cluster', message: other }
    if (!isDialled && ours.id === undefined && theirs.clusterId !== undefined) {
      const message = `${self} does not know its cluster yet: it must first reach a member itself`
      return { reason: 'no_cluster_yet', message }
    }
    return theirs.life === undefined ? undefined : this.#judgeLife(peer, theirs.life)
  }

  #judgeLife(peer: string, life: number): Refusal | undefined {
    const { self, fences, isLinked } = this.#parts
    const verdict = fences.judge(peer, life, isLinked(peer))
    if (verdict === 'in_use') {
      const message = `${self} already accepts another process as ${peer}: two processes were started with this node id`
      return { reason: 'identity_in_use', message }
    }
    if (verdict !== 'superseded') return undefined
    const message = `${self} has accepted a newer process as ${peer}: this older process must not continue`
    return { reason: 'superseded', message }
  }

  async welcome(peer: string, theirs: Credentials, isDialled: boolean): Promise<void> {
    const { cluster, fences } = this.#parts
    const { clusterId, life } = theirs
    if (isDialled && cluster.id === undefined && clusterId !== undefined) cluster.learn(clusterId)
    if (life !== undefined) await fences.take(peer, life)
  }
}
