/**
 * Decides whether this node has been removed. A member that was away during its removal comes back with an old
 * topology, and the others refuse its links. Each refusal shows the topology document of the peer.
 *
 * This node adopts that document only if it belongs to this cluster, is newer than the own one, and does not name this
 * node. Such a document proves the removal, because a majority of the voters has decided it.
 *
 * From then on every request is refused as not_a_member (request-placer.ts). The document is stored, so a later start
 * knows it at once. This node goes on dialling, so it also learns of a newer document that names it again.
 */
import type { Log } from '../../ports/log.ts'
import type { Network } from '../../ports/network.ts'
import { encodeTopology, parseTopology } from './topology-document.ts'
import type { TopologyKeeper } from './topology-keeper.ts'

export interface RemovalParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly onRemoved: () => void
}

export class Removal {
  readonly #network: Network
  readonly #log: Log
  readonly #parts: RemovalParts
  #isTold = false

  /** Call before the network is started. */
  constructor(ports: { network: Network; log: Log }, parts: RemovalParts) {
    this.#network = ports.network
    this.#log = ports.log
    this.#parts = parts
    ports.network.onExcluded((peer, document) => this.#excluded(peer, document))
  }

  /** Call after the topology has changed. */
  look(): void {
    const { self, keeper, onRemoved } = this.#parts
    // Only members may know the key that seals sessions, and the tokens of clients.
    const { sessionKey: _key, tokens: _tokens, ...shown } = keeper.topology
    this.#network.showMembership(keeper.epoch, encodeTopology(shown))
    if (keeper.isMember(self)) {
      this.#isTold = false
      return
    }
    if (this.#isTold) return
    this.#isTold = true
    const words = 'this node is no longer a member of the cluster: stop it and remove its data'
    this.#log.error({ epoch: keeper.epoch }, words)
    onRemoved()
  }

  #excluded(peer: string, document: string): void {
    const { self, keeper } = this.#parts
    const failed = (error: unknown): void => {
      this.#log.warn({ peer, error: String(error) }, 'a topology document could not be adopted')
    }
    try {
      const { members } = parseTopology(document)
      // A member gets the document over its links. The one shown to others lacks the session key, so do not adopt it.
      if (members.some(({ id }) => id === self)) return
      keeper.adopt(document).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
