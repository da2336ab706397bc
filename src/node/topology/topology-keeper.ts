/**
 * This room decides which topology document is in force on this node, how the next document is decided, and whether
 * this node still belongs to the cluster. It relies on the messages of `peers` and on the durable state of `identity`.
 * The keeper holds the document, the register (topology-register.ts) proposes the next one, and the acceptor
 * (topology-acceptor.ts) votes on it.
 *
 * The keeper holds the newest topology that this node knows: the placement of keys, the buckets, and the epoch.
 *
 * Invariant: only decided documents are kept here, and only a newer one replaces another. So all nodes at one epoch
 * hold the same document. A node that meets a newer epoch fetches its document first.
 */
import { assert } from '../../core/assert.ts'
import { OwnCluster } from '../../core/membership/cluster-identity.ts'
import { asLabelled, isDeletedBucket } from '../../core/placement/bucket-name.ts'
import { firstTopology } from '../../core/placement/first-topology.ts'
import { type Placement, preferenceList } from '../../core/placement/preference-list.ts'
import type { Bucket, Member, Topology } from '../../core/placement/topology.ts'
import { Signal } from '../../core/signal.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import type { AskSender, EpochSource } from '../peers/epoch-source.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import { TOPOLOGY } from '../wire/asks/topology-asks.ts'
import { whyNotNext } from './next-document.ts'
import { encodeTopology, parseTopology } from './topology-document.ts'

const FETCH_TIMEOUT_MS = 1000

export class TopologyKeeper implements EpochSource {
  readonly #self: string
  readonly #state: NodeState
  readonly #clock: NodeClock
  readonly #log: Log
  readonly #metrics: Metrics
  /** The random id of the cluster. This node learns it in a handshake, before the topology contains it. */
  readonly cluster: OwnCluster
  #topology: Topology
  #durableEpoch: number
  #isStoring = false
  #buckets: BucketIndex
  /** The callbacks that wait for a fetch under way, by the node that is asked. */
  readonly #fetching = new Map<string, (() => void)[]>()
  /** A document is about to replace another one. */
  readonly adopting = new Signal<[previous: Topology, next: Topology]>()
  /** A document has come into force. */
  readonly changed = new Signal<[topology: Topology]>()
  /** A document is about to be stored. Listeners store what has to be on disk before it. */
  readonly storing = new Signal()

  constructor(
    ports: { log: Log; metrics: Metrics },
    parts: { self: string; state: NodeState; clock: NodeClock; members: readonly Member[] },
  ) {
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#self = parts.self
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

  /**
   * The version of the placement. It changes whenever the owners or next owners of keys change. A request does not
   * count an answer that was given under another version.
   */
  get placementVersion(): number {
    return this.#topology.placementVersion
  }

  get topology(): Topology {
    return this.#topology
  }

  /**
   * Whether the document in force is the decided one with all its parts. A node that was removed while it was away has
   * been shown a document without the session key and the tokens (removal.ts). It must not pass that on to a member.
   */
  isWhole(): boolean {
    return this.isMember(this.#self) || this.#topology.sessionKey !== undefined
  }

  isMember(node: string): boolean {
    return this.#topology.members.some(({ id }) => id === node)
  }

  /** Whether the node hands over its copies in order to leave, and takes nothing new. */
  isEmptying(node: string): boolean {
    const { change } = this.#topology
    return change?.phase === 'emptying' && change.leaving === node
  }

  bucket(name: string): Bucket | undefined {
    return this.#buckets.byName.get(name)
  }

  /** The bucket as clients know it. */
  labelled(label: string): Bucket | undefined {
    return this.#buckets.byLabel.get(label)?.shown
  }

  /** The name of the bucket with that label. Returns the label if there is no such bucket. */
  nameOf(label: string): string {
    return this.#buckets.byLabel.get(label)?.name ?? label
  }

  /** Whether the bucket is deleted for ever. False if it exists, or if a later topology may create it. */
  isDeleted(name: string): boolean {
    return this.bucket(name) === undefined && isDeletedBucket(this.#topology, name)
  }

  /** Whether the bucket takes no writes, because it is deleted if it is empty. */
  isClosed(name: string): boolean {
    return this.#topology.deletion?.bucket === name
  }

  place(bucket: Bucket, key: string): Placement {
    return preferenceList(this.#topology, bucket, key)
  }

  /**
   * Adopts a decided document if it is newer, and resolves once it is durable. Resolves at once if this node knows the
   * document already, even if the document is still being stored (`isDurable`).
   */
  async adopt(document: string): Promise<void> {
    const topology = parseTopology(document)
    if (topology.epoch <= this.epoch) return
    if (topology.clusterId !== this.#topology.clusterId) {
      throw new Error(
        `a document of cluster ${topology.clusterId}, not of ${this.#topology.clusterId}`,
      )
    }
    const reason = whyNotNext(this.#topology, topology, this.#self)
    if (reason !== undefined) throw new Error(reason)
    this.#learnIdentity(topology)
    this.adopting.emit(this.#topology, topology)
    assert(topology.epoch > this.epoch, 'only a newer topology replaces another one')
    this.#topology = topology
    this.#buckets = indexBuckets(topology)
    this.#metrics.gauge('topology_epoch', topology.epoch)
    this.#log.info({ epoch: topology.epoch }, 'a new topology is in force')
    this.changed.emit(topology)
    await this.#store(topology.epoch, document)
  }

  /** Throws if the document belongs to another cluster with the same members. */
  #learnIdentity({ identity }: Topology): void {
    const { id } = this.cluster
    // A document from before the agreement has no id. A node that knows the id only from a handshake takes it.
    const mayLackId = this.#topology.identity === undefined
    const isOwn = identity === undefined ? mayLackId : id === undefined || id === identity
    if (!isOwn) {
      throw new Error(`a document of cluster ${identity ?? 'without an id'}, not of ${id}`)
    }
    if (identity !== undefined) this.cluster.learn(identity)
  }

  /**
   * Whether the document in force is durable. Then everything that was stored under earlier documents is durable, too,
   * because the disk keeps the order of writes. If the disk refused the document, this stores it again.
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
    this.storing.emit()
    try {
      await this.#state.set('topology', document)
      this.#durableEpoch = Math.max(this.#durableEpoch, epoch)
    } finally {
      this.#isStoring = false
    }
  }

  /** Fetches the document from a node that has a newer one. Calls `done` after success and after failure. */
  catchUp(from: string, peers: AskSender, done: () => void): void {
    const waiting = this.#fetching.get(from)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    const callbacks = [done]
    this.#fetching.set(from, callbacks)
    const finish = (): void => {
      this.#fetching.delete(from)
      for (const callback of callbacks) callback()
    }
    const deadlineMs = this.#clock.nowMs() + FETCH_TIMEOUT_MS
    peers.ask(from, TOPOLOGY, NO_FIELDS, deadlineMs, (reply) => {
      if (reply.type !== 'ok') {
        finish()
        return
      }
      this.adopt(reply.answer.document).then(finish, (error: unknown) => {
        this.#log.warn(
          { peer: from, error: String(error) },
          'a topology document could not be adopted',
        )
        finish()
      })
    })
  }
}

/** The stored topology with the configured addresses of the peers, because addresses may change. Ids may not. */
function startingTopology(stored: unknown, configured: readonly Member[]): Topology {
  if (stored === undefined) return firstTopology(configured)
  const topology = parseTopology(stored as string)
  // A node that joined was never given the first members, so only its directory tells to which cluster it belongs.
  if (configured.length === 0) return topology
  const first = firstTopology(configured)
  if (topology.clusterId !== first.clusterId) {
    const ids = topology.members.map(({ id }) => id).join(', ')
    throw new Error(`the data directory belongs to another cluster, with the members ${ids}`)
  }
  const urls = new Map(configured.map(({ id, peerUrl }) => [id, peerUrl]))
  const members = topology.members.map((member) => ({
    ...member,
    peerUrl: urls.get(member.id) ?? member.peerUrl,
  }))
  return { ...topology, members }
}

interface BucketIndex {
  readonly byName: ReadonlyMap<string, Bucket>
  readonly byLabel: ReadonlyMap<string, { readonly name: string; readonly shown: Bucket }>
}

function indexBuckets({ buckets }: Topology): BucketIndex {
  const labelled = buckets.map((bucket) => ({ name: bucket.name, shown: asLabelled(bucket) }))
  return {
    byName: new Map(buckets.map((bucket) => [bucket.name, bucket])),
    byLabel: new Map(labelled.map((bucket) => [bucket.shown.name, bucket])),
  }
}
