/** A running cluster of containers: where its nodes answer, its partitions, and its end. */
import type { StartedNetwork, StartedTestContainer } from 'testcontainers'
import { type NetworkFault, parseFault } from '../chaos/chaos-fault.ts'
import type { ReachMatrix } from '../chaos/chaos-target.ts'
import { LINK_FAULTS_FILE, linkFaults, linkFaultsText } from '../chaos/link-fault-file.ts'
import { viewOf } from '../chaos/node-view.ts'
import { unexpectedPairs } from '../chaos/reach.ts'
import { Partition } from './partition.ts'

export const CLIENT_PORT = 8080
/** A partition ends after this time, so that one whose program has died does not last. */
const PARTITION_MS = 3_600_000
/** The longest wait until all nodes report a cut, which they notice by silence. */
const NOTICE_MS = 60_000
const PAUSE_MS = 200
/** Renames the file into place, so that the node never reads a part of it. */
const WRITE_FAULTS =
  `file="$QUORATE_DATA_DIR/${LINK_FAULTS_FILE}"; ` +
  'printf %s "$0" > "$file.new" && mv "$file.new" "$file"'

export interface ClusterNode {
  /** n1, n2, … */
  readonly id: string
  readonly container: StartedTestContainer
}

export class StartedQuorateCluster implements AsyncDisposable {
  readonly nodes: readonly ClusterNode[]
  readonly #network: StartedNetwork
  #partition: Partition | undefined
  #stopped: Promise<void> | undefined

  constructor(network: StartedNetwork, nodes: readonly ClusterNode[]) {
    this.nodes = nodes
    this.#network = network
  }

  /** The address of each node by its id: the `endpoints` of a client. A restarted container has a new address. */
  get endpoints(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.nodes.map((node) => [node.id, addressOf(node)]))
  }

  /** The address of one node, for a client of this node alone. */
  endpoint(id: string): string {
    const node = this.nodes.find((one) => one.id === id)
    if (node === undefined) throw new TypeError(`there is no node ${id}`)
    return addressOf(node)
  }

  /**
   * Cuts groups of nodes from each other: `partition(['n1', 'n2'])`. Nodes that are not named form one more group.
   * Clients still reach every node. Resolves when all nodes have noticed the cut. It replaces the partition before it,
   * and ends by itself after an hour. If it rejects, no cut is left.
   */
  async partition(...groups: readonly (readonly string[])[]): Promise<Partition> {
    const words = ['partition', groups.map((group) => group.join(',')).join('/')]
    const fault = parseFault(words, this.#ids()) as NetworkFault
    const partition = new Partition(async () => {
      if (this.#partition === partition) await this.heal()
    })
    this.#partition = partition
    try {
      await this.#writeFaults(fault)
      await this.#untilNoticed(fault)
    } catch (error) {
      await this.#undo(error)
      throw error
    }
    return partition
  }

  /** Ends the partition. Resolves when every node reaches every other one. */
  async heal(): Promise<void> {
    await this.#writeFaults(undefined)
    await this.#untilNoticed(undefined)
    // Only now: after a failure, the partition can be healed again.
    this.#partition = undefined
  }

  /** Removes the containers with their data, and their network. */
  stop(): Promise<void> {
    this.#stopped ??= this.#remove()
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Removes what was written of a cut. If that fails, rejects with both errors. */
  async #undo(failure: unknown): Promise<void> {
    this.#partition = undefined
    try {
      await this.#writeFaults(undefined)
    } catch (error) {
      const message = 'the partition failed, and a part of it may be left for up to an hour'
      throw new AggregateError([failure, error], message, { cause: failure })
    }
  }

  async #remove(): Promise<void> {
    // The program may have removed a container itself. The network can be removed only after all of them.
    await Promise.allSettled(this.nodes.map(({ container }) => container.stop()))
    await this.#network.stop()
  }

  async #writeFaults(fault: NetworkFault | undefined): Promise<void> {
    const untilMs = Date.now() + PARTITION_MS
    // Wait for all nodes, also after a failure, so that no node is still being cut when the cut is undone.
    const written = await Promise.allSettled(
      this.nodes.map(async ({ id, container }) => {
        const text = linkFaultsText(linkFaults(fault, id, this.#ids(), untilMs))
        const { exitCode, output } = await container.exec(['sh', '-c', WRITE_FAULTS, text])
        if (exitCode !== 0) throw new Error(`${id} could not be cut or healed: ${output}`)
      }),
    )
    const failed = written.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Waits until every node reports which others it reaches, as the fault demands. */
  async #untilNoticed(fault: NetworkFault | undefined): Promise<void> {
    const endMs = Date.now() + NOTICE_MS
    for (;;) {
      const wrong = unexpectedPairs(fault, this.#ids(), await this.#views())
      if (wrong.length === 0) return
      if (Date.now() > endMs) throw new Error(`the nodes did not notice: ${wrong.join('; ')}`)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  /** Which other nodes each node says it reaches. Nodes that do not answer are left out. */
  async #views(): Promise<ReachMatrix> {
    const matrix: Record<string, Readonly<Record<string, boolean>>> = {}
    const ask = async ({ id }: ClusterNode): Promise<void> => {
      const view = await viewOf(id, this.endpoint(id))
      if (view !== undefined) matrix[id] = view
    }
    await Promise.all(this.nodes.map(ask))
    return matrix
  }

  #ids(): readonly string[] {
    return this.nodes.map(({ id }) => id)
  }
}

function addressOf({ container }: ClusterNode): string {
  return `http://${container.getHost()}:${container.getMappedPort(CLIENT_PORT)}`
}
