/**
 * Judges who may have a link with this node, in each handshake, at both ends.
 *
 * A node that knows the random id of its cluster has links only with nodes of that cluster, or with nodes that do not
 * know theirs yet. A node that does not know its own takes that of the first node that it reaches by its own list of
 * members, and lets nobody dial it who knows one before.
 */
import {
  type ClusterIdentity,
  type OwnCluster,
  whyOtherCluster,
} from '../core/membership/cluster-identity.ts'
import type { Credentials, Doorkeeper, Refusal } from '../ports/network.ts'

export interface DoorkeeperParts {
  readonly self: string
  readonly founding: () => string
  readonly cluster: OwnCluster
  readonly epoch: () => number
}

export class NodeDoorkeeper implements Doorkeeper {
  readonly #parts: DoorkeeperParts

  constructor(parts: DoorkeeperParts) {
    this.#parts = parts
  }

  introduce(): Credentials {
    const { cluster, founding, epoch } = this.#parts
    return { founding: founding(), clusterId: cluster.id, epoch: epoch() }
  }

  judge(peer: string, theirs: Credentials, isDialled: boolean): Refusal | undefined {
    const { self, cluster, founding } = this.#parts
    const ours: ClusterIdentity = { founding: founding(), id: cluster.id }
    const identity = { founding: theirs.founding, id: theirs.clusterId }
    const other = whyOtherCluster(self, ours, peer, identity)
    if (other !== undefined) return { reason: 'other_cluster', message: other }
    if (isDialled || ours.id !== undefined || theirs.clusterId === undefined) return undefined
    const message = `${self} does not know its cluster yet: it first has to reach a member itself`
    return { reason: 'no_cluster_yet', message }
  }

  async welcome(_peer: string, { clusterId }: Credentials, isDialled: boolean): Promise<void> {
    const { cluster } = this.#parts
    if (isDialled && cluster.id === undefined && clusterId !== undefined) cluster.learn(clusterId)
  }
}
