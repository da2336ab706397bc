/**
 * One node over the given ports, as its clients and its process see it.
 *
 * The files beside this one only compose: they make the mechanisms of the rooms, connect them, and start and stop them.
 * running-node.ts calls the others in the order in which they depend on each other: storage, cluster, copies, requests,
 * convergence. peer-asks.ts composes the answers to other nodes.
 */
import { QuorateError } from '../core/errors.ts'
import { firstTopology } from '../core/placement/first-topology.ts'
import type { Bucket, Topology } from '../core/placement/topology.ts'
import type { NodePorts } from './node-ports.ts'
import type { NodeSettings } from './node-settings.ts'
import { PeerRefusals, refusalWords } from './peers/peer-refusals.ts'
import type { Requests } from './requests/requests.ts'
import { composeNode, type RunningNode } from './running-node.ts'
import type { NodeService } from './service/service.ts'
import { parseTopology } from './topology/topology-document.ts'
import type { TopologyKeeper } from './topology/topology-keeper.ts'

export interface Node extends NodeService {
  /**
   * Reads the identity of this node from the disk, takes a new incarnation, and connects to the peers. Rejects if the
   * disk belongs to another node, or was written in a newer format.
   */
  start(): Promise<void>
  /** Refuses new requests, finishes those under way, and makes everything durable. */
  stop(): Promise<void>
}

export function createNode(ports: NodePorts, settings: NodeSettings): Node {
  let running: RunningNode | undefined
  let stopping: Promise<void> | undefined
  const topology = (): Topology => running?.keeper.topology ?? startingTopology(settings)
  const refusals = new PeerRefusals(ports, () =>
    topology()
      .members.map(({ id }) => id)
      .filter((id) => id !== settings.nodeId),
  )
  ports.network.onRefusal((refusal) => {
    const wasSuperseded = refusals.isSuperseded
    refusals.note(refusal)
    if (refusals.isSuperseded && !wasSuperseded) settings.onSuperseded?.(refusal.message)
  })
  const up = (): RunningNode => {
    const doubt = refusals.whyNotThisProcess()
    if (doubt !== undefined) throw new QuorateError('not_ready', doubt, { retryAfterSeconds: 1 })
    if (running !== undefined && stopping === undefined) return running
    const phase = stopping === undefined ? 'starting' : 'stopping'
    throw new QuorateError('not_ready', `${settings.nodeId} is ${phase}`, { retryAfterSeconds: 1 })
  }
  /** Not an async function, because that would make one more promise for each request. */
  const requests = <T>(ask: (of: Requests, keeper: TopologyKeeper) => Promise<T>): Promise<T> => {
    try {
      const { requests: of, keeper } = up()
      return ask(of, keeper)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }
  /** For requests that need the other members. Throws not_ready, or not_a_member after a removal. */
  const member = (): RunningNode => {
    up().placer.refuseNonMember()
    return up()
  }
  return {
    nodeId: settings.nodeId,
    start: async () => {
      running = await composeNode(ports, settings, refusals)
    },
    stop: () => {
      stopping ??= running === undefined ? Promise.resolve() : running.stop()
      return stopping
    },
    get: (request) => requests((of, keeper) => of.get(named(request, keeper))),
    put: (request) => requests((of, keeper) => of.put(named(request, keeper))),
    update: (request) => requests((of, keeper) => of.update(named(request, keeper))),
    list: (request) => requests((of, keeper) => of.list(named(request, keeper))),
    watch: async (request) => {
      const { watches, keeper } = member()
      return watches.open(named(request, keeper))
    },
    topology,
    nowMs: () => running?.clock.nowMs() ?? ports.clock.wallMs(),
    bucket: (label): Bucket | undefined => running?.keeper.labelled(label),
    createBucket: async (bucket, timeoutMs) => member().createBucket(bucket, timeoutMs),
    deleteBucket: async (label, isForced, timeoutMs) =>
      member().deleteBucket(label, isForced, timeoutMs),
    createToken: async (token, timeoutMs) => member().createToken(token, timeoutMs),
    revokeToken: async (name, timeoutMs) => member().revokeToken(name, timeoutMs),
    found: async (candidates, timeoutMs) => member().found(candidates, timeoutMs),
    planChange: async (request, timeoutMs) => member().changes.plan(request, timeoutMs),
    applyChange: async (request, timeoutMs) => member().changes.apply(request, timeoutMs),
    cancelChange: async (timeoutMs) => member().changes.cancel(timeoutMs),
    moves: async () => up().changes.status(),
    status: async () => (running ?? up()).view.status(),
    ring: async (label, key) => up().view.ring(up().placer.locate(up().keeper.nameOf(label), key)),
    syncHints: async (timeoutMs) => member().delivery.sync(timeoutMs),
    readiness: async (scope) => (running ?? up()).view.readiness(scope),
    startTrouble: () => refusalWords(settings.nodeId, refusals.current()).trim(),
    convergence: async (label) => {
      const bucket = label === undefined ? undefined : up().keeper.nameOf(label)
      return member().convergence(bucket)
    },
    backup: async (request) => member().backups.start(request),
  }
}

/** Clients know a bucket by its label. Everything behind this file knows it by its name. */
function named<Request extends { readonly bucket: string }>(
  request: Request,
  keeper: TopologyKeeper,
): Request {
  const bucket = keeper.nameOf(request.bucket)
  return bucket === request.bucket ? request : { ...request, bucket }
}

/** The topology of a node that has not started. Callers read only to which cluster the node belongs. */
function startingTopology({ members, joined }: NodeSettings): Topology {
  return joined === undefined ? firstTopology(members) : parseTopology(joined)
}
