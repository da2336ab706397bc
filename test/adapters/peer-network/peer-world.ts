/** Two nodes, a and b, over real connections, with all that judges their links; each finds what it stored when it starts again. */
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'
import type { LinkFaults } from '../../../src/adapters/chaos/link-faults.ts'
import {
  type BoundNetwork,
  createPeerNetwork,
} from '../../../src/adapters/peer-network/peer-network.ts'
import type { PeerTls } from '../../../src/adapters/peer-network/peer-tls.ts'
import { freePort } from '../../../src/local-cluster/address-plan.ts'
import { OwnCluster } from '../../../src/core/membership/cluster-identity.ts'
import { VERSIONS } from '../../../src/core/protocol-versions.ts'
import { NodeDoorkeeper } from '../../../src/node/peers/doorkeeper.ts'
import { type FenceStore, LifeFences } from '../../../src/node/peers/life-fences.ts'
import type { Encodable } from '../../../src/ports/codec.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { Network } from '../../../src/ports/network.ts'
import type { FrameListener } from '../../conformance/network.ts'

const log = createPinoLog({ node: 'test', level: 'silent' })

let lives = 0

interface WorldOptions {
  faults?: LinkFaults
  clusterId?: () => string
  cluster?: OwnCluster
  log?: Log
  /** Version of the protocol. */
  oldest?: number
  tls?: PeerTls
  oldCaMs?: number
  /** The address at which this node dials the other one, if it is not that node's own. */
  peerUrl?: string
}

export class PeerWorld {
  /** For nodes whose options name none. */
  readonly #tlsOf: ((id: string) => PeerTls) | undefined
  readonly #ports = new Map<string, Promise<number>>()
  readonly #networks: Network[] = []
  readonly #stored = new Map<string, Map<string, Encodable>>()

  constructor(tlsOf?: (id: string) => PeerTls) {
    this.#tlsOf = tlsOf
  }

  async start(
    id: string,
    listener: FrameListener,
    newest = VERSIONS.newest,
    options: WorldOptions = {},
  ): Promise<BoundNetwork> {
    const urls = await Promise.all(
      ['a', 'b'].map(async (peer) => ({ id: peer, url: await this.urlOf(peer) })),
    )
    const network = createPeerNetwork({
      self: id,
      newestVersion: newest,
      listen: { host: '127.0.0.1', port: await this.port(id) },
      log: options.log ?? log,
      ...(options.faults === undefined ? {} : { faults: options.faults }),
      ...(options.oldCaMs === undefined ? {} : { oldCaMs: options.oldCaMs }),
      tls: options.tls ?? this.#tlsOf?.(id),
    })
    const cluster = options.cluster ?? new OwnCluster(undefined)
    network.setDoorkeeper(
      new NodeDoorkeeper({
        self: id,
        founding: options.clusterId ?? (() => 'cluster'),
        cluster,
        agreedId: () => cluster.id,
        epoch: () => 7,
        life: ++lives,
        fences: new LifeFences(this.#storeOf(id)),
        isLinked: (peer) => network.isLinked(peer),
      }),
    )
    network.onFrame(listener)
    network.setPeers(
      urls
        .filter((peer) => peer.id !== id)
        .map((peer) => ({ ...peer, url: options.peerUrl ?? peer.url })),
      options.oldest,
    )
    await network.start()
    this.#networks.push(network)
    return network
  }

  /** Of a node, through all its starts. */
  #storeOf(id: string): FenceStore {
    const values = this.#stored.get(id) ?? new Map<string, Encodable>()
    this.#stored.set(id, values)
    return {
      get: (name) => values.get(name),
      set: async (name, value) => void values.set(name, value),
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#networks.map((network) => network.close()))
  }

  async urlOf(id: string): Promise<string> {
    return `http://127.0.0.1:${await this.port(id)}`
  }

  /** A node that comes back has to find its own again. */
  port(id: string): Promise<number> {
    const known = this.#ports.get(id) ?? freePort()
    this.#ports.set(id, known)
    return known
  }
}
