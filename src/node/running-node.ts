/**
 * The composition of one node: its mechanisms, in the order in which they start and stop.
 *
 * It serves nothing before its identity and the bound of its clock are durable, and the hints of earlier lives are
 * read.
 */
import { QuorateError } from '../core/errors.ts'
import type { Bucket, Topology } from '../core/placement/topology.ts'
import { VERSIONS } from '../core/protocol-versions.ts'
import { CheckedDisk } from './storage/checked-disk.ts'
import { ClusterView } from './status/cluster-view.ts'
import { ConvergenceCheck } from './repair/convergence-check.ts'
import { composeConvergence } from './convergence-composition.ts'
import { Deadlines, inTime } from './peers/deadlines.ts'
import { DirectoryProof } from './identity/directory-proof.ts'
import { frameAll } from './storage/frame-migration.ts'
import { NodeDoorkeeper } from './peers/doorkeeper.ts'
import { GroupCommit } from './storage/group-commit.ts'
import { HintDelivery } from './hints/hint-delivery.ts'
import { hintRoute } from './hints/hint-route.ts'
import { HintStore } from './hints/hint-store.ts'
import { IndexRepair } from './storage/index-repair.ts'
import { KeyListing } from './listing/key-listing.ts'
import { KeyPages } from './listing/key-pages.ts'
import { LifeFences } from './peers/life-fences.ts'
import { Liveness } from './peers/liveness.ts'
import { MemberChanges } from './moves/member-changes.ts'
import { MovesView } from './moves/moves-view.ts'
import { distrust, distrustIndex, forgetLives, migrate } from './identity/migration.ts'
import type { NodeSettings } from './node-settings.ts'
import type { NodePorts } from './node-ports.ts'
import { NodeClock } from './identity/node-clock.ts'
import { showNodeGauges } from './status/node-gauges.ts'
import { NodeState } from './identity/node-state.ts'
import { takeIdentity } from './identity/node-identity.ts'
import { ObjectTable } from './storage/object-table.ts'
import { PeerAsks } from './peer-asks.ts'
import { PeerLives } from './identity/peer-lives.ts'
import { peerReach } from './peers/peer-reach.ts'
import type { PeerRefusals } from './peers/peer-refusals.ts'
import { Peers } from './peers/peers.ts'
import { PendingDots } from './replica/pending-dots.ts'
import { ReadCoordinator } from './read/read-coordinator.ts'
import { RegisterAcceptor } from './strong/register-acceptor.ts'
import { RegisterAsks } from './strong/register-asks.ts'
import { RegisterProposer } from './strong/register-proposer.ts'
import { Removal } from './topology/removal.ts'
import { Replica } from './replica/replica.ts'
import { groupsOf, type PlacedRequest } from './round/placed-request.ts'
import { Requests } from './requests.ts'
import { Sessions } from './sessions/sessions.ts'
import type { ConvergenceAnswer, Founding, ReadAnswer } from './service/service.ts'
import { StrongCoordinator } from './strong/strong-coordinator.ts'
import { TopologyKeeper } from './topology/topology-keeper.ts'
import { TopologyAcceptor } from './topology/topology-acceptor.ts'
import { TopologyRegister } from './topology/topology-register.ts'
import { createBucket, foundCluster } from './topology/topology-requests.ts'
import { objectBytesMax } from './replica/sibling-limits.ts'
import { SET_BYTES_MAX } from './write/type-change.ts'
import { WatchedDisk } from './storage/watched-disk.ts'
import { loadVersions } from './identity/known-versions.ts'
import { WriteCoordinator } from './write/write-coordinator.ts'

const GAUGE_INTERVAL_MS = 1000
const PROPOSE_TIMEOUT_MS = 5000
/** Time allowed for storing a decision that was made just before the timeout. */
const DECIDED_STORED_MS = 500

export interface RunningNode {
  readonly requests: Requests
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly view: ClusterView
  readonly delivery: HintDelivery
  readonly changes: MemberChanges
  convergence(bucket: string | undefined): Promise<ConvergenceAnswer>
  createBucket(bucket: Bucket, timeoutMs: number): Promise<{ created: boolean; bucket: Bucket }>
  found(candidates: Founding, timeoutMs: number): Promise<Founding>
  /** Idempotent through node.ts. */
  stop(): Promise<void>
}

/**
 * Resolves once the node serves. Rejects if the disk belongs to another node or cannot be read. Rejects with
 * `DamagedStateError` if the node must start again on an empty disk.
 */
export async function composeNode(
  given: NodePorts,
  settings: NodeSettings,
  refusals: PeerRefusals,
): Promise<RunningNode> {
  const self = settings.nodeId
  await frameAll(given.disk, given.codec, given.log)
  const disk = new CheckedDisk(new WatchedDisk(given))
  const ports: NodePorts = { ...given, disk }
  const { codec, timers, network, log, metrics } = ports
  const commits = new GroupCommit(ports)
  const table = new ObjectTable(ports, commits, settings.cacheBytesMax)
  const state = await NodeState.load(disk, codec, commits)
  const indexes = new IndexRepair(ports, { commits, table, markTorn: () => distrustIndex(state) })
  disk.onDamaged = (key) => {
    metrics.count('corrupt_records_total')
    log.error({ key }, 'a damaged record was found on the disk')
    indexes.damaged(key)
  }
  const chance = (bound: number): number => ports.random.below(bound)
  if (settings.hasLostData === true) await distrust(state)
  await forgetLives(state)
  await migrate(ports, commits, state)
  indexes.start()
  const identity = await takeIdentity(state, self, Math.floor(ports.clock.wallMs()), chance)
  // Stored before anything else, so that the node need not ask to join again after a restart.
  if (settings.joined !== undefined && state.get('topology') === undefined) {
    await state.set('topology', settings.joined)
  }
  const proof = await DirectoryProof.load(state, settings.hasLostData === true)
  const clock = new NodeClock(ports, state, settings.maxClockDriftMs)
  const lives = new PeerLives(state.get('heard'))
  const fences = new LifeFences(state)
  clock.onRaise = () => void state.set('heard', lives.encode()).catch(() => undefined)
  await clock.start()
  const keeper = new TopologyKeeper(ports, { state, members: settings.members, clock })
  const replica = new Replica(ports, { table, commits, clock, durability: settings.durability })
  const pending = new PendingDots()
  const hints = new HintStore(ports, {
    table,
    commits,
    bytesPerOwnerMax: settings.hintBytesPerOwnerMax,
    objectBytesMax: objectBytesMax(settings.maxValueBytes ?? SET_BYTES_MAX),
  })
  await hints.start()
  const deadlines = new Deadlines(ports.clock, timers)
  const asks = new PeerAsks(self, codec)
  const memberIds = (topology: Topology): string[] => topology.members.map(({ id }) => id)
  const peers = new Peers(ports, {
    clock,
    epochs: keeper,
    handle: (...ask) => asks.handle(...ask),
    lives,
    life: identity.life,
  })
  keeper.peers = peers
  const versions = loadVersions(state, self)
  peers.onVersion = (member, version, stamp) => versions.note({ member, version, stamp })
  const liveness = new Liveness(ports, {
    self,
    members: memberIds(keeper.topology),
    incarnation: Math.floor(ports.clock.wallMs()),
    peers,
  })
  const reach = peerReach(liveness, clock, (peer) => {
    writes.returned(peer)
    delivery.wake()
  })
  const shared = { self, replica, peers, hints, clock, deadlines, reach }
  const placing = {
    placementVersion: () => keeper.placementVersion,
    placeAgain: (placed: PlacedRequest) => requests.placeAgain(placed),
  }
  const horizonOf = (partition: number): number => convergence.horizonOf(partition)
  const isProven = (): boolean => arrival.isProven
  const latencyMs = (node: string): number => peers.latencyMs(node)
  const reads = new ReadCoordinator(ports, { ...shared, isProven, latencyMs })
  const writes = new WriteCoordinator(ports, {
    ...shared,
    ...placing,
    pending,
    isProven,
    mayCount: (placed) => arrival.mayCount(() => groupsOf(placed)),
    horizon: horizonOf,
    actor: identity.actor,
    mayKeep: (timestamp) => horizon.mayKeep(timestamp),
    setBytesMax: settings.maxValueBytes ?? SET_BYTES_MAX,
    objectBytesMax: objectBytesMax(settings.maxValueBytes ?? SET_BYTES_MAX),
  })
  const acceptor = await RegisterAcceptor.load(ports, {
    replica,
    table,
    commits,
    clock,
    state,
    placementVersion: placing.placementVersion,
    horizon: horizonOf,
    isProven,
  })
  const { actor } = identity
  const proposer = new RegisterProposer(ports, { ...shared, ...placing, actor, acceptor, pending })
  const deciding = { ...shared, ...placing, acceptor, proposer, latencyMs }
  const strong = new StrongCoordinator(ports, deciding)
  const read = (placed: PlacedRequest): Promise<ReadAnswer> =>
    placed.level === 'strong' ? strong.read(placed) : reads.read(placed)
  const sessions = new Sessions(ports, {
    ...shared,
    read,
    isProven,
    latencyMs,
    horizon: () => convergence.horizon.value,
    horizonOf,
    placementVersion: placing.placementVersion,
    placeAll: (bucket, key, deadlineMs) => requests.placeAll(bucket, key, deadlineMs),
  })
  const delivery = new HintDelivery(ports, {
    hints,
    peers,
    nodeClock: clock,
    reachable: reach.isReachable,
    self,
    route: (owner, bucket, key) => hintRoute(keeper, self, { owner, bucket, key }),
    mergeHere: (request, done) => asks.applyHere(request, done),
  })
  const voter = new TopologyAcceptor(ports, {
    self,
    keeper,
    state,
    peers,
    clock,
    isProven,
  })
  const register = new TopologyRegister(ports, { self, acceptor: voter, keeper, peers, clock })
  const pages = new KeyPages(ports, { self, keeper, indexes })
  const listing = new KeyListing(ports, {
    self,
    keeper,
    peers,
    clock,
    pages,
    reachable: reach.isReachable,
    isComplete: () => arrival.isProven && !arrival.isFilling,
  })
  const view = new ClusterView({
    self,
    refusals,
    keeper,
    liveness,
    reachable: reach.isReachable,
    peers,
    clock,
    deadlines,
    hints,
    replica,
    disk,
    isFilling: () => arrival.isFilling,
    unsettled: () => convergence.unsettled(),
    stall: () => convergence.horizon.stall(),
  })
  const requests = new Requests(ports, settings, {
    self,
    keeper,
    clock,
    read,
    writes,
    strong,
    sessions,
    listing,
    peers,
    deadlines,
    reach,
    mayBeOld: (asked) => versions.mayBeOld(asked, memberIds(keeper.topology)),
    diskRefusal: () => replica.diskRefusal(),
  })
  const convergence = composeConvergence(ports, {
    self,
    state,
    clock,
    proof,
    keeper,
    commits,
    indexes,
    table,
    replica,
    hints,
    pending,
    peers,
    versions,
    reachable: reach.isReachable,
    propose: (step) => register.change(step, PROPOSE_TIMEOUT_MS),
    isQuiet: () =>
      requests.inflight === 0 && pending.lowest() === Infinity && hints.lowest() === Infinity,
    beforeOwning: async (partitions, promisedUpTo) => {
      writes.giveUpActor()
      await acceptor.raiseFloorOf(partitions, promisedUpTo)
    },
    readAtQuorum: (bucket, key) =>
      requests.get({ bucket, key, level: 'quorum', requestId: 'repair' }),
  })
  const { horizon, trees, arrival, moves } = convergence
  pages.onCorrupt = (storageKey) => convergence.recordDamaged(storageKey)
  pages.onVanished = (storageKey) => convergence.leaves.onVanished(storageKey)
  const movesView = new MovesView({ self, keeper, peers, clock, moves })
  replica.onGivenUp = () => writes.giveUpActor()
  arrival.onBehind = () => writes.giveUpActor()
  arrival.onHeardBehind = () => acceptor.raiseFloor()
  proof.onLossHeard = (heardUntil) => voter.lose(heardUntil)
  convergence.onHorizonMoved = () => acceptor.horizonMoved()
  asks.parts = {
    keeper,
    replica,
    hints,
    requests,
    pages,
    view,
    topology: voter,
    registers: new RegisterAsks(acceptor, replica),
    liveness,
    lives,
    trees,
    horizon,
    horizonOf,
    disk,
    moves,
    movesView,
    arrival,
  }

  const connect = (topology: Topology): void => {
    const others = topology.members.filter(({ id }) => id !== self)
    const peerAddresses = others.map(({ id, peerUrl }) => ({ id, url: peerUrl }))
    network.setPeers(peerAddresses, VERSIONS.oldest)
    liveness.setMembers(memberIds(topology))
    removal.look()
    clock.setPeers(others.map(({ id }) => id))
    convergence.look()
  }
  const onRemoved = settings.onRemoved ?? ((): void => undefined)
  const removal = new Removal(ports, { self, keeper, onRemoved })
  keeper.onChange = connect
  refusals.isLinked = (peer) => network.isOpen(peer)
  disk.onHealth(({ state: health, reason }) => {
    if (health === 'ok') log.info({}, 'the disk takes writes again')
    else log.error({ health, reason }, 'the disk takes no writes')
  })
  const showGauges = (): void => {
    showNodeGauges(metrics, { disk, table, requests, clock }, memberIds(keeper.topology))
    convergence.showGauges()
  }
  connect(keeper.topology)
  network.setDoorkeeper(
    new NodeDoorkeeper({
      self,
      founding: () => keeper.topology.clusterId,
      cluster: keeper.cluster,
      agreedId: () => keeper.topology.identity,
      epoch: () => keeper.epoch,
      life: identity.life,
      fences,
      isLinked: (peer) => network.isLinked(peer),
    }),
  )
  await network.start()
  liveness.start()
  delivery.start()
  voter.start()
  await convergence.start()
  showGauges()
  const gauges = timers.every(GAUGE_INTERVAL_MS, showGauges)
  log.info({ actor: identity.actor, epoch: keeper.epoch }, 'node is up')
  // A decision is stored here before it is answered. This bound is needed because a stalled disk reports no error.
  const decided = <T>(timeoutMs: number, deciding: Promise<T>): Promise<T> =>
    inTime(deadlines, timeoutMs + DECIDED_STORED_MS, deciding, () => {
      const message = `the change was not decided and stored on this node within ${timeoutMs} ms`
      return new QuorateError('outcome_unknown', message)
    })

  return {
    requests,
    keeper,
    clock,
    view,
    delivery,
    changes: new MemberChanges({ self, keeper, register, view: movesView }),
    convergence: async (bucket) => {
      if (bucket !== undefined) requests.locate(bucket, '')
      const { forest, leaves, unsettled } = convergence
      const asked = { self, keeper, peers, clock, forest, leaves, horizon, unsettled }
      return new ConvergenceCheck(asked).run(bucket)
    },
    createBucket: (bucket, timeoutMs) =>
      decided(timeoutMs, createBucket(keeper, register, bucket, timeoutMs)),
    found: (candidates, timeoutMs) =>
      decided(timeoutMs, foundCluster(register, candidates, timeoutMs)),
    stop: async () => {
      await requests.drained()
      gauges.cancel()
      convergence.stop()
      indexes.stop()
      voter.stop()
      delivery.stop()
      liveness.stop()
      await network.close()
      peers.stop()
      deadlines.stop()
      await commits.whenIdle()
      await disk.close()
    },
  }
}
