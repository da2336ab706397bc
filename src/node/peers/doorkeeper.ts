/**
 * Judges who may have a link with this node, in each handshake, at both ends.
 *
 * A node that knows the random id of its cluster has links only with nodes of that cluster, or with nodes that do not
 * know theirs yet. A node that does not know its own takes that of the first node that it reaches by its own list of
 * members. Until then it refuses connections from nodes that already have an id.
 *
 * If several processes use one node id, it has links with only one of them (life-fences.ts).
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
  readonly founding: () => string
  readonly cluster: OwnCluster
  /** The random id in the topology; undefined before the cluster has agreed on one. */
  readonly agreedId: () => string | undefined
  readonly epoch: () => number
  /** A number of this process alone. */
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
    // An id that this node knows from one handshake alone may come from a wrong address: it is not passed on.
    return { founding: founding(), clusterId: agreedId(), life, epoch: epoch() }
  }

  judge(peer: string, theirs: Credentials, isDialled: boolean): Refusal | undefined {
    const { self, cluster, founding } = this.#parts
    const ours: ClusterIdentity = { founding: founding(), id: cluster.id }
    const identity = { founding: theirs.founding, id: theirs.clusterId }
    const other = whyOtherCluster(self, ours, peer, identity)
    if (other !== undefined) return { reason: 'other_cluster', message: other }
    if (!isDialled && ours.id === undefined && theirs.clusterId !== undefined) {
      const message = `${self} does not know its cluster yet: it first has to reach a member itself`
      return { reason: 'no_cluster_yet', message }
    }
    return theirs.life === undefined ? undefined : this.#judgeLife(peer, theirs.life)
  }

  #judgeLife(peer: string, life: number): Refusal | undefined {
    const { self, fences, isLinked } = this.#parts
    const verdict = fences.judge(peer, life, isLinked(peer))
    if (verdict === 'in_use') {
      const message = `another process is ${peer} for ${self}: two processes have been started with this node id`
      return { reason: 'identity_in_use', message }
    }
    if (verdict !== 'superseded') return undefined
    const message = `a newer process is ${peer} for ${self}: this older one may not go on`
    return { reason: 'superseded', message }
  }

  async welcome(peer: string, theirs: Credentials, isDialled: boolean): Promise<void> {
    const { cluster, fences } = this.#parts
    const { clusterId, life } = theirs
    if (isDialled && cluster.id === undefined && clusterId !== undefined) cluster.learn(clusterId)
    if (life !== undefined) await fences.take(peer, life)
  }
}
