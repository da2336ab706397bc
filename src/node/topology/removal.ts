/**
 * How a node finds that it has been removed. A member that was away while it was removed knows only its old topology
 * when it comes back, and the others refuse its links. Each refusal shows the topology document of the peer.
 *
 * One peer is believed only with a document of this cluster that is newer than this node's own and does not name this
 * node: a majority of the voters has decided it. The word of a peer that is itself behind changes nothing.
 *
 * From then on every request is refused as not_a_member (requests.ts). The document is stored, so a later start knows
 * it at once. This node goes on dialling: if a still newer document names it again, it hears of that one, too.
 */
import type { Log } from '../../ports/log.ts'
import type { Network } from '../../ports/network.ts'
import { encodeTopology, parseTopology, type TopologyKeeper } from './topology-keeper.ts'

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

  /** Before the network is started. */
  constructor(ports: { network: Network; log: Log }, parts: RemovalParts) {
    this.#network = ports.network
    this.#log = ports.log
    this.#parts = parts
    ports.network.onExcluded((peer, document) => this.#excluded(peer, document))
  }

  /** The topology has changed. */
  look(): void {
    const { self, keeper, onRemoved } = this.#parts
    // The key that seals sessions is for members only.
    const { sessionKey: _, ...shown } = keeper.topology
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
      this.#log.warn({ peer, error: String(error) }, 'a document could not be taken over')
    }
    try {
      const { members } = parseTopology(document)
      // Members hear of it over their links: what is shown to others lacks the key of sessions.
      if (members.some(({ id }) => id === self)) return
      keeper.adopt(document).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
