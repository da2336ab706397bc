/**
 * Whether a machine may lose its directory without a majority of the voters losing their memory. If such a majority
 * lost it, nobody might know its decisions, and the topology would rightly wait forever. A voter that has lost its
 * memory is safe again after the other voters have told it what it may have said (node/topology/topology-recall.ts).
 */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { majority } from '../../core/quorum/level.ts'
import { metaKey } from '../../node/storage/storage-keys.ts'
import { hasLostVote } from '../../node/identity/voter-state.ts'
import { newestTopology } from './sim-membership.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'

export class LostVotes {
  readonly #nodes: ReadonlyMap<string, SimulatedNode>
  readonly #lost = new Set<string>()

  constructor(nodes: ReadonlyMap<string, SimulatedNode>) {
    this.#nodes = nodes
  }

  /** The node has a different directory from now on. */
  lose(id: string): void {
    this.#lost.add(id)
  }

  mayLose(id: string): boolean {
    const voters = newestTopology(this.#nodes.values())?.voters
    if (voters === undefined) return false
    const lost = voters.filter((voter) => voter === id || this.#isLost(voter))
    return lost.length <= voters.length - majority(voters.length)
  }

  #isLost(id: string): boolean {
    const node = this.#nodes.get(id)
    if (node === undefined || node.isGone) return true
    if (!this.#lost.has(id)) return false
    const saved = node.platter.get(metaKey('acceptor'))
    const isKnown = node.isUp && !hasLostVote(saved && msgpackCodec.decode(saved))
    if (isKnown) this.#lost.delete(id)
    return !isKnown
  }
}
