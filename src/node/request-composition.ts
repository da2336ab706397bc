/** Composes the mechanisms that carry out what clients ask: reads, writes, strong keys, sessions, lists and hints. */
import { groupsOf, type PlacedRequest } from './round/placed-request.ts'
import { HintDelivery } from './hints/hint-delivery.ts'
import { hintRoute } from './hints/hint-route.ts'
import { KeyListing } from './listing/key-listing.ts'
import { KeyPages } from './listing/key-pages.ts'
import type { NodeCluster } from './cluster-composition.ts'
import type { NodeCopies } from './copies-composition.ts'
import type { NodeSettings } from './node-settings.ts'
import type { NodeStorage } from './storage-composition.ts'
import { objectBytesMax } from './replica/sibling-limits.ts'
import { ReadCoordinator } from './read/read-coordinator.ts'
import { RegisterAcceptor } from './strong/register-acceptor.ts'
import { RegisterProposer } from './strong/register-proposer.ts'
import { RequestPlacer } from './round/request-placer.ts'
import { endWith, asPromise, type RequestEnd } from './round/request-end.ts'
import { Requests } from './requests/requests.ts'
import type { ReadAnswer } from './service/service.ts'
import { Sessions } from './sessions/sessions.ts'
import { SET_BYTES_MAX } from './write/type-change.ts'
import { StrongCoordinator } from './strong/strong-coordinator.ts'
import { WriteCoordinator } from './write/write-coordinator.ts'

export interface NodeRequests {
  readonly placer: RequestPlacer
  readonly writes: WriteCoordinator
  readonly acceptor: RegisterAcceptor
  readonly delivery: HintDelivery
  readonly pages: KeyPages
  readonly requests: Requests
}

/** Rejects with a `DiskError`. */
export async function composeRequests(
  storage: NodeStorage,
  cluster: NodeCluster,
  copies: NodeCopies,
  settings: NodeSettings,
): Promise<NodeRequests> {
  const { ports, state, clock, commits, table, indexes, identity, hints } = storage
  const { keeper, peers, deadlines, reach, gate, isProven, arrival, versions, members } = cluster
  const { pending, horizon, horizonOf, replica, copyAnswers, replaceVanished } = copies
  const { actor } = identity
  const { nodeId: self, requestTimeoutMs, inflightRequestsMax } = settings
  const placer = new RequestPlacer({ self, keeper, clock, requestTimeoutMs })
  const shared = { self, replica, peers, hints, clock, deadlines, reach }
  const latencyMs = (node: string): number => peers.latencyMs(node)
  const reads = new ReadCoordinator(ports, { ...shared, isProven, latencyMs })
  const writes = new WriteCoordinator(ports, {
    ...shared,
    placer,
    pending,
    isProven,
    mayCount: (placed) => arrival.mayCount(() => groupsOf(placed)),
    horizon: horizonOf,
    actor,
    mayKeep: (timestamp) => horizon.mayKeep(timestamp),
    setBytesMax: settings.maxValueBytes ?? SET_BYTES_MAX,
    objectBytesMax: objectBytesMax(settings.maxValueBytes ?? SET_BYTES_MAX),
  })
  arrival.behind.listen(() => writes.giveUpActor())
  const acceptor = await RegisterAcceptor.load(ports, {
    replica,
    table,
    commits,
    clock,
    state,
    placementVersion: () => keeper.placementVersion,
    horizon: horizonOf,
    isProven,
  })
  arrival.heardBehind.listen(() => acceptor.raiseFloor())
  horizon.moved.listen(() => acceptor.horizonMoved())
  const proposer = new RegisterProposer(ports, { ...shared, placer, actor, acceptor, pending })
  const strong = new StrongCoordinator(ports, { ...shared, placer, acceptor, proposer, latencyMs })
  const read = (placed: PlacedRequest, end: RequestEnd<ReadAnswer>): void => {
    if (placed.level === 'strong') endWith(strong.read(placed), end)
    else reads.read(placed, end)
  }
  const sessions = new Sessions(ports, {
    ...shared,
    placer,
    read: (placed) => asPromise((end) => read(placed, end)),
    isProven,
    horizon: () => horizon.value,
    horizonOf,
  })
  const delivery = new HintDelivery(ports, {
    hints,
    peers,
    nodeClock: clock,
    reach,
    self,
    route: (owner, bucket, key) => hintRoute(keeper, self, { owner, bucket, key }),
    applyHere: copyAnswers.apply,
  })
  const pages = new KeyPages(ports, { self, keeper, indexes, replaceVanished })
  const listing = new KeyListing(ports, {
    self,
    keeper,
    peers,
    clock,
    pages,
    reachable: reach.isReachable,
    isComplete: () => isProven() && !arrival.isFilling,
  })
  const requests = new Requests(ports, {
    self,
    placer,
    clock,
    read,
    writes,
    strong,
    sessions,
    listing,
    peers,
    deadlines,
    reach,
    gate,
    inflightRequestsMax,
    mayBeOld: (asked) => versions.mayBeOld(asked, members()),
    diskRefusal: () => replica.diskRefusal(),
  })
  return { placer, writes, acceptor, delivery, pages, requests }
}
