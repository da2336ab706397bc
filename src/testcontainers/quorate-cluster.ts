/**
 * A cluster of containers for tests: `import { QuorateCluster } from 'quorate/testcontainers'`. README.md in this folder
 * is its manual.
 */
import { GenericContainer, Network, type StartedNetwork, Wait } from 'testcontainers'
import { CLIENT_PORT, type ClusterNode, StartedQuorateCluster } from './started-cluster.ts'

export type { Partition } from './partition.ts'
export type { ClusterNode, StartedQuorateCluster } from './started-cluster.ts'

const NODES = 5
const PEER_PORT = 7080
const STARTUP_MS = 120_000

export class QuorateCluster {
  readonly #image: string
  #nodes = NODES
  #environment: Readonly<Record<string, string>> = {}
  #startupMs = STARTUP_MS

  /** `image` has been built with docker/Dockerfile of the project. */
  constructor(image: string) {
    this.#image = image
  }

  /** How many nodes there are: n1, n2, and so on. Five unless set. */
  withNodes(count: number): this {
    if (!Number.isInteger(count) || count < 1) {
      throw new TypeError(`a cluster has one node or more, not ${count}`)
    }
    this.#nodes = count
    return this
  }

  /** Settings for every node, such as `{ QUORATE_DURABILITY: 'os' }`. */
  withEnvironment(environment: Readonly<Record<string, string>>): this {
    this.#environment = { ...this.#environment, ...environment }
    return this
  }

  withStartupTimeout(ms: number): this {
    this.#startupMs = ms
    return this
  }

  /** Resolves when every node reaches a quorum. Leaves nothing behind if a node does not start. */
  async start(): Promise<StartedQuorateCluster> {
    const network = await new Network().start()
    const ids = Array.from({ length: this.#nodes }, (_, i) => `n${i + 1}`)
    const starts = await Promise.allSettled(ids.map((id) => this.#startNode(id, ids, network)))
    const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    const cluster = new StartedQuorateCluster(network, nodes)
    const failed = starts.find((start) => start.status === 'rejected')
    if (failed === undefined) return cluster
    await cluster.stop()
    throw failed.reason
  }

  async #startNode(
    id: string,
    ids: readonly string[],
    network: StartedNetwork,
  ): Promise<ClusterNode> {
    const members = ids.map((member) => `${member}=http://${member}:${PEER_PORT}`)
    const container = await new GenericContainer(this.#image)
      .withNetwork(network)
      .withNetworkAliases(id)
      .withEnvironment({
        // A partition works through a file in the data directory, which the node watches only with this setting.
        QUORATE_CHAOS: '1',
        ...this.#environment,
        QUORATE_NODE_ID: id,
        QUORATE_MEMBERS: members.join(','),
      })
      .withExposedPorts(CLIENT_PORT)
      .withWaitStrategy(
        Wait.forHttp('/readyz', CLIENT_PORT, { abortOnContainerExit: true }).forStatusCode(200),
      )
      .withStartupTimeout(this.#startupMs)
      .start()
    return { id, container }
  }
}
