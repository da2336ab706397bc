/**
 * The composition of one node: its mechanisms, and the order in which they start and stop. Each group of mechanisms
 * uses only the groups that are composed before it.
 *
 * Invariant: a node serves nothing before its identity and the bound of its clock are durable, and the hints of earlier
 * lives are read. It stops in this order: requests of clients and peers, background work, links to peers, and the disk
 * at last. No peer loses the answer to what it has asked, so it need not wait or call an outcome unknown.
 */
import { QuorateError } from '../core/errors.ts'
import type { AccessToken } from '../core/access/access-token.ts'
import type { Bucket, Topology } from '../core/placement/topology.ts'
import { VERSIONS } from '../core/protocol-versions.ts'
import type { Timers } from '../ports/timers.ts'
import type { Backups } from './backup/backups.ts'
import { ClusterView } from './status/cluster-view.ts'
import { composeBackups } from './backup-composition.ts'
import { composeBuckets } from './bucket-composition.ts'
import { composeCluster } from './cluster-composition.ts'
import { composeConvergence } from './convergence-composition.ts'
import { composeCopies } from './copies-composition.ts'
import { composeRequests } from './request-composition.ts'
import { ConvergenceCheck } from './repair/convergence-check.ts'
import { REOPEN_TIMEOUT_MS } from './buckets/bucket-deletion.ts'
import { createAccessToken, revokeAccessToken } from './topology/token-requests.ts'
import { createBucket, foundCluster } from './topology/topology-requests.ts'
import type { HintDelivery } from './hints/hint-delivery.ts'
import { inTime } from './peers/deadlines.ts'
import { MemberChanges } from './moves/member-changes.ts'
import { MovesView } from './moves/moves-view.ts'
import type { NodeClock } from './identity/node-clock.ts'
import { NodeDoorkeeper } from './peers/doorkeeper.ts'
import type { NodePorts } from './node-ports.ts'
import type { NodeSettings } from './node-settings.ts'
import { openStorage } from './storage-composition.ts'
import type { PeerRefusals } from './peers/peer-refusals.ts'
import { AskTraces } from './peers/ask-traces.ts'
import { FramesIn } from './peers/frames-in.ts'
import { peerAsks } from './peer-asks.ts'
import { Removal } from './topology/removal.ts'
import type { RequestPlacer } from './round/request-placer.ts'
import type { Requests } from './requests/requests.ts'
import type { ConvergenceAnswer, Founding } from './service/service.ts'
import { showNodeGauges } from './status/node-gauges.ts'
import type { TopologyKeeper } from './topology/topology-keeper.ts'
import { composeWatches } from './watch-composition.ts'
import type { Watches } from './watch/watches.ts'

const GAUGE_INTERVAL_MS = 1000
/** Time allowed for storing a decision that was made just before the timeout. */
const DECIDED_STORED_MS = 500
/** How long a stop waits for the answers to peers. Those that wait for other nodes have deadlines of their own. */
const ANSWERED_MS_MAX = 1000
/** The last answers have arrived by then. */
const ARRIVED_MS = 50

export interface RunningNode {
  readonly requests: Requests
  readonly placer: RequestPlacer
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly view: ClusterView
  readonly delivery: HintDelivery
  readonly changes: MemberChanges
  readonly backups: Backups
  readonly watches: Watches
  convergence(bucket: string | undefined): Promise<ConvergenceAnswer>
  createBucket(bucket: Bucket, timeoutMs: number): Promise<{ created: boolean; bucket: Bucket }>
  deleteBucket(label: string, isForced: boolean, timeoutMs: number): Promise<Bucket>
  createToken(token: AccessToken, timeoutMs: number): Promise<void>
  revokeToken(name: string, timeoutMs: number): Promise<void>
  found(candidates: Founding, timeoutMs: number): Promise<Founding>
  /** Call it once: node.ts calls it only for the first of several stops. */
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
  const storage = await openStorage(given, settings)
  const cluster = composeCluster(storage, settings)
  const copies = composeCopies(storage, cluster, settings)
  const served = await composeRequests(storage, cluster, copies, settings)
  const buckets = composeBuckets(storage, cluster, served, self)
  const convergence = composeConvergence(storage, cluster, copies, served, buckets, self)
  const { ports, disk, commits, table, indexes, identity, clock, lives, fences, hints } = storage
  const { keeper, members, peers, deadlines, liveness, voter, register, arrival } = cluster
  const { horizon, collector, replica, copyAnswers } = copies
  const { placer, acceptor, delivery, pages, requests } = served
  const { forest, leaves, trees, scrub, expired, antiEntropy, moves, unsettled } = convergence
  const { timers, network, log, metrics } = ports
  const { changeLog, changePages, watches } = composeWatches(storage, cluster, copies, served, self)
  changePages.corrupt.listen((storageKey) => scrub.found(storageKey))

  const { held, backups } = composeBackups(storage, cluster, copies, self)
  held.corrupt.listen((storageKey) => scrub.found(storageKey))
  const movesView = new MovesView({ self, keeper, peers, clock, moves })
  const view = new ClusterView({
    self,
    refusals,
    keeper,
    liveness,
    reachable: cluster.reach.isReachable,
    peers,
    clock,
    deadlines,
    hints,
    replica,
    disk,
    isFilling: () => arrival.isFilling,
    unsettled,
    stall: () => horizon.stall(),
  })
  const traces = given.tracer && new AskTraces(given.tracer)
  const handlers = peerAsks(ports.codec, {
    self,
    disk,
    keeper,
    replica,
    copyAnswers,
    hints,
    requests,
    pages,
    changePages,
    watches,
    view,
    voter,
    acceptor,
    liveness,
    lives,
    trees,
    mayKeep: (timestamp) => horizon.mayKeep(timestamp),
    release: moves.release,
    movesView,
    arrival,
    contents: buckets.contents,
    heldCuts: held,
    traces,
  })

  const onRemoved = settings.onRemoved ?? ((): void => undefined)
  const removal = new Removal(ports, { self, keeper, onRemoved })
  let isConverging = false
  const lookAtMoves = (): void => {
    moves.intake.look()
    moves.release.look()
    moves.sweep.look()
  }
  const connect = (topology: Topology): void => {
    const others = topology.members.filter(({ id }) => id !== self)
    const peerAddresses = others.map(({ id, peerUrl }) => ({ id, url: peerUrl }))
    network.setPeers(peerAddresses, VERSIONS.oldest)
    liveness.setMembers(members())
    removal.look()
    clock.setPeers(others.map(({ id }) => id))
    horizon.setMembers(members())
    arrival.look()
    if (isConverging) {
      lookAtMoves()
      buckets.deletion.look()
    }
  }
  keeper.changed.listen(connect)
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
  const framesIn = new FramesIn(ports, { clock, epochs: keeper, lives, peers, handlers, traces })
  framesIn.start()
  await network.start()
  liveness.start()
  delivery.start()
  voter.start()
  forest.start()
  await arrival.start()
  antiEntropy.start()
  scrub.start()
  expired.start()
  isConverging = true
  lookAtMoves()
  buckets.deletion.look()
  buckets.deleted.start()
  const showGauges = (): void => {
    showNodeGauges(metrics, { disk, table, requests, clock }, members())
    metrics.gauge('horizon_age_seconds', Math.round(horizon.ageMs()) / 1000)
    metrics.gauge('partitions_without_quorum', view.partitionsWithoutQuorum())
  }
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
    placer,
    keeper,
    clock,
    view,
    delivery,
    changes: new MemberChanges({ register, view: movesView }),
    backups,
    watches,
    convergence: async (bucket) => {
      if (bucket !== undefined) placer.bucket(bucket)
      const asked = { self, keeper, peers, clock, forest, leaves, horizon, unsettled }
      return new ConvergenceCheck(asked).run(bucket)
    },
    createBucket: (bucket, timeoutMs) =>
      decided(timeoutMs, createBucket(register, bucket, timeoutMs)),
    deleteBucket: (label, isForced, timeoutMs) =>
      decided(timeoutMs + REOPEN_TIMEOUT_MS, buckets.deletion.delete(label, isForced, timeoutMs)),
    createToken: (token, timeoutMs) => {
      const old = cluster.versions.mayBeOld(members(), members())
      return decided(timeoutMs, createAccessToken(register, old, token, timeoutMs))
    },
    revokeToken: (name, timeoutMs) =>
      decided(timeoutMs, revokeAccessToken(register, clock, name, timeoutMs)),
    found: (candidates, timeoutMs) =>
      decided(timeoutMs, foundCluster(register, candidates, timeoutMs)),
    stop: async () => {
      backups.stop()
      held.stop()
      watches.stop()
      changeLog.stop()
      await Promise.all([requests.drained(), liveness.leave()])
      await orAfter(timers, ANSWERED_MS_MAX, framesIn.answered())
      // A link that closes may lose the answers on their way.
      if (members().some((id) => network.isLinked(id))) await after(timers, ARRIVED_MS)
      gauges.cancel()
      arrival.stop()
      moves.intake.stop()
      moves.release.stop()
      moves.sweep.stop()
      buckets.deletion.stop()
      buckets.deleted.stop()
      antiEntropy.stop()
      scrub.stop()
      expired.stop()
      collector.stop()
      forest.stop()
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

function after(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => timers.after(ms, resolve))
}

function orAfter(timers: Timers, ms: number, event: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = timers.after(ms, resolve)
    void event.then(() => {
      timer.cancel()
      resolve()
    })
  })
}
