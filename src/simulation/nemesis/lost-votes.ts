/**
 * Whether a machine may lose its directory without a majority of the voters losing their memory. If such a majority
 * lost it, nobody might know its decisions, and the topology would rightly wait forever. A voter that has lost its
 * memory is safe again after the other voters have told it what it may have said (node/topology/topology-recall.ts).
 */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { majority } from '../../core/quorum/level.ts'
import { unframe } from '../../node/storage/record-frame.ts'
import { metaKey } from '../../node/storage/storage-keys.ts'
import { recalledUpToIn } from '../../node/identity/voter-state.ts'
import { newestTopology } from './sim-membership.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'

export class LostVotes {
  readonly #nodes: ReadonlyMap<string, SimulatedNode>
  /** Node → up to which time it had recalled its promises when it got another directory. */
  readonly #lost = new Map<string, Timestamp>()

  constructor(nodes: ReadonlyMap<string, SimulatedNode>) {
    this.#nodes = nodes
  }

  /** The node has a different directory from now on. */
  lose(id: string): void {
    this.#lost.set(id, this.#recalledUpTo(id))
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
    const before = this.#lost.get(id)
    if (before === undefined) return false
    // A node on an old directory does not know that its memory is lost before it has heard from the others.
    const isKnown = node.isUp && this.#recalledUpTo(id) > before
    if (isKnown) this.#lost.delete(id)
    return !isKnown
  }

  #recalledUpTo(id: string): Timestamp {
    const key = metaKey('acceptor')
    const framed = this.#nodes.get(id)?.platter.raw(key)
    // A damaged value ends the node at its next start, and another directory follows.
    const saved = framed && unframe(key, framed)
    return recalledUpToIn(saved && msgpackCodec.decode(saved))
  }
}
