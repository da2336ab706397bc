/**
 * The newest topology this node knows: where keys live, which buckets exist, and at which epoch that is.
 *
 * Only decided documents are kept here (topology-register.ts decides them), and only newer ones replace it,
 * so all nodes at one epoch hold the same document. A node that meets a newer epoch fetches it first.
 */
import { OwnCluster } from '../../core/membership/cluster-identity.ts'
import { firstTopology } from '../../core/placement/first-topology.ts'
import { type Placement, preferenceList } from '../../core/placement/preference-list.ts'
import type { Bucket, Member, Topology } from '../../core/placement/topology.ts'
import { chooseVoters } from '../../core/placement/voters.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import type { EpochSource, Peers } from '../peers/peers.ts'

const FETCH_TIMEOUT_MS = 1000

export class TopologyKeeper implements EpochSource {
  readonly #state: NodeState
  readonly #clock: NodeClock
  readonly #log: Log
  readonly #metrics: Metrics
  /** Known before the topology says it: from the handshakes. */
  readonly cluster: OwnCluster
  #topology: Topology
  #durableEpoch: number
  #isStoring = false
  #buckets: ReadonlyMap<string, Bucket>
  /** Those waiting for a fetch that is under way, by the node it asks. */
  readonly #fetching = new Map<string, (() => void)[]>()
  /** Set at composition, because peers in turn need the epoch. */
  peers: Peers | undefined
  onChange: (topology: Topology) => void = () => undefined
  /** Called before a document takes the place of another one. */
  onAdopt: (previous: Topology, next: Topology) => void = () => undefined
  /** Called before a document is stored: what has to be on the disk before it. */
  beforeStore: () => void = () => undefined

  constructor(
    ports: { log: Log; metrics: Metrics },
    parts: { state: NodeState; clock: NodeClock; members: readonly Member[] },
  ) {
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#state = parts.state
    this.#clock = parts.clock
    this.#topology = startingTopology(parts.state.get('topology'), parts.members)
    this.cluster = new OwnCluster(this.#topology.identity)
    this.#durableEpoch = this.#topology.epoch
    this.#buckets = indexBuckets(this.#topology)
    this.#metrics.gauge('topology_epoch', this.epoch)
  }

  get epoch(): number {
    return this.#topology.epoch
  }

  /** Changes with whom a key's requests ask: what was placed under another one may not be told as done. */
  get placedAt(): number {
    return this.#topology.placedAt
  }

  get topology(): Topology {
    return this.#topology
  }

  isMember(node: string): boolean {
    return this.#topology.members.some(({ id }) => id === node)
  }

  /** Whether the node gives up what it holds, and takes nothing new. */
  isEmptying(node: string): boolean {
    const { change } = this.#topology
    return change?.phase === 'emptying' && change.leaving === node
  }

  bucket(name: string): Bucket | undefined {
    return this.#buckets.get(name)
  }

  place(bucket: Bucket, key: string): Placement {
    return preferenceList(this.#topology, bucket, key)
  }

  /** Takes over a decided document, unless it is not newer; resolves once it is durable. */
  async adopt(document: string): Promise<void> {
    const topology = parseTopology(document)
    if (topology.epoch <= this.epoch) return
    if (topology.clusterId !== this.#topology.clusterId) {
      throw new Error(
        `a document of cluster ${topology.clusterId}, not of ${this.#topology.clusterId}`,
      )
    }
    this.#learnIdentity(topology)
    this.onAdopt(this.#topology, topology)
    this.#topology = topology
    this.#buckets = indexBuckets(topology)
    this.#metrics.gauge('topology_epoch', topology.epoch)
    this.#log.info({ epoch: topology.epoch }, 'a new topology is in force')
    this.onChange(topology)
    await this.#store(topology.epoch, document)
  }

  /** Throws where the document is one of another cluster of the same members. */
  #learnIdentity({ identity, sessionKey }: Topology): void {
    const { id } = this.cluster
    // A cluster of an older version has agreed on its session key, which never changes, and has no id yet.
    // The document that a removed member is shown (removal.ts) does not tell it.
    const ownKey = this.#topology.sessionKey
    if (ownKey !== undefined && sessionKey !== undefined && sessionKey !== ownKey) {
      throw new Error('a document of another cluster, which has another session key')
    }
    // One from before the cluster agreed on it is taken by a node that knows it from a handshake alone.
    const mayLack = this.#topology.identity === undefined
    if (identity === undefined ? mayLack : id === undefined || id === identity) {
      if (identity !== undefined) this.cluster.learn(identity)
      return
    }
    throw new Error(`a document of cluster ${identity ?? 'without an id'}, not of ${id}`)
  }

  /**
   * Whether everything that was stored under earlier documents is durable: the disk has one order. A document that the
   * disk did not take is given to it again.
   */
  isDurable(): boolean {
    if (this.#durableEpoch === this.epoch) return true
    if (!this.#isStoring) {
      this.#store(this.epoch, encodeTopology(this.#topology)).catch(() => undefined)
    }
    return false
  }

  async #store(epoch: number, document: string): Promise<void> {
    this.#isStoring = true
    this.beforeStore()
    try {
      await this.#state.set('topology', document)
      this.#durableEpoch = Math.max(this.#durableEpoch, epoch)
    } finally {
      this.#isStoring = false
    }
  }

  catchUp(from: string, done: () => void): void {
    const waiting = this.#fetching.get(from)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    const takers = [done]
    this.#fetching.set(from, takers)
    const finish = (): void => {
      this.#fetching.delete(from)
      for (const take of takers) take()
    }
    const deadlineMs = this.#clock.nowMs() + FETCH_TIMEOUT_MS
    this.peers?.ask(from, 'topology', [], deadlineMs, (reply) => {
      if (reply.type !== 'ok') {
        finish()
        return
      }
      this.adopt(String(reply.body[0])).then(finish, (error: unknown) => {
        this.#log.warn({ peer: from, error: String(error) }, 'a topology could not be taken over')
        finish()
      })
    })
  }
}

/** A topology as text: what is voted on, sent and stored. */
export type Document = string

/** What came as a document; undefined for garbage. */
export function asDocument(data: unknown): Document | undefined {
  return typeof data === 'string' ? data : undefined
}

export function encodeTopology(topology: Topology): Document {
  return JSON.stringify(topology)
}

/** Throws on anything but what `encodeTopology` gives. */
export function parseTopology(document: string): Topology {
  const parsed = JSON.parse(document) as Topology
  // Of a version in which every member voted, and owners stayed for ever.
  const topology =
    (parsed as Partial<Topology>).voters === undefined
      ? { ...parsed, voters: chooseVoters(parsed.members), placedAt: 1 }
      : parsed
  const whole =
    Number.isSafeInteger(topology.epoch) &&
    typeof topology.clusterId === 'string' &&
    (topology.identity === undefined || typeof topology.identity === 'string') &&
    [topology.members, topology.preference, topology.buckets].every(Array.isArray)
  if (!whole) throw new Error('not a topology document')
  return topology
}

/** What the disk holds, with the peers' addresses as configured now: they may move, their ids may not. */
function startingTopology(stored: unknown, configured: readonly Member[]): Topology {
  if (stored === undefined) return firstTopology(configured)
  const topology = parseTopology(stored as string)
  // Who joined was never told the first members: its directory alone says to which cluster it belongs.
  if (configured.length === 0) return topology
  const first = firstTopology(configured)
  if (topology.clusterId !== first.clusterId) {
    const ids = topology.members.map(({ id }) => id).join(', ')
    throw new Error(`the data directory belongs to another cluster, of the members ${ids}`)
  }
  const urls = new Map(configured.map(({ id, peerUrl }) => [id, peerUrl]))
  const members = topology.members.map((member) => ({
    ...member,
    peerUrl: urls.get(member.id) ?? member.peerUrl,
  }))
  return { ...topology, members }
}

function indexBuckets(topology: Topology): ReadonlyMap<string, Bucket> {
  return new Map(topology.buckets.map((bucket) => [bucket.name, bucket]))
}
