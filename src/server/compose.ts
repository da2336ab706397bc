/**
 * Composes one node in this process: the real ports, the node over them, and the HTTP server for clients. src/main.ts
 * and the integration tests start nodes only through this file.
 *
 * Invariant: after `startServer` has rejected or `stop` has resolved, the node holds nothing open.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NO_FAULTS, watchLinkFaults } from '../adapters/chaos/link-faults.ts'
import { type SkewedClock, skewedClock } from '../adapters/chaos/skewed-clock.ts'
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { createProcessLog, type ProcessLog } from '../adapters/log/pino-log.ts'
import { createPromMetrics } from '../adapters/metrics/prom-metrics.ts'
import { askToJoin } from '../adapters/peer-network/join-request.ts'
import { createPeerNetwork } from '../adapters/peer-network/peer-network.ts'
import type { PeerTls } from '../adapters/peer-network/peer-tls.ts'
import { systemClock } from '../adapters/system/system-clock.ts'
import { systemRandom } from '../adapters/system/system-random.ts'
import { systemTimers } from '../adapters/system/system-timers.ts'
import { admitMember } from './admit-member.ts'
import { createApiServer, type ApiServer } from '../api/server.ts'
import { openAudit } from './audit-output.ts'
import { createConfiguredBuckets } from './configured-buckets.ts'
import { foundCluster } from './founding.ts'
import { AssertionError } from '../core/assert.ts'
import { VERSIONS } from '../core/protocol-versions.ts'
import { createNode, type Node } from '../node/node.ts'
import { openNodeDisk } from './node-disk.ts'
import { openNodeTls } from './node-tls.ts'
import { openTracing } from './node-tracing.ts'
import { openPorts } from './open-ports.ts'
import type { NodeService } from '../node/service/service.ts'
import { programVersion } from './program-version.ts'
import { readRootTokens } from './root-tokens.ts'
import type { Log } from '../ports/log.ts'
import type { Settings } from './settings/settings.ts'

/** Files in the data directory through which experiments inject faults. */
export const LINK_FAULTS_FILE = 'links.json'
export const CLOCK_FAULT_FILE = 'clock.json'

/** Where `npm start` and `npm run lab -- --out dist/lab` build the lab. */
const BUILT_LAB = fileURLToPath(new URL('../../dist/lab', import.meta.url))

/** How long a stop waits for the requests under way. Their own deadlines are mostly shorter. */
const REQUESTS_GRACE_MS = 5000

export interface RunningServer {
  readonly clientPort: number
  readonly peerPort: number
  readonly service: NodeService
  /** Stops accepting requests, finishes those under way, makes them durable and marks the stop as clean. Idempotent. */
  stop(): Promise<void>
}

export interface StartHooks {
  /** Called for a broken invariant, after which this process must not continue. */
  readonly onBroken: (error: unknown) => void
  /** Called once, when this node is no longer a member of its cluster. From then on it serves no requests. */
  readonly onRemoved?: () => void
  /** Aborts the start of a node that waits to be admitted to a cluster; `startServer` then rejects. */
  readonly stop?: AbortSignal
}

/** Resolves when the node takes requests. Rejects with an error whose message is written for a person. */
export async function startServer(
  settings: Settings,
  hooks: StartHooks,
  { log, destination }: ProcessLog = logOf(settings),
): Promise<RunningServer> {
  const { rootTokenFile, auditLog } = settings
  const rootHashes = rootTokenFile === undefined ? undefined : await readRootTokens(rootTokenFile)
  const metrics = createPromMetrics()
  const tls = await openNodeTls(settings, { clock: systemClock, metrics, log })
  const audit = auditLog === undefined ? undefined : openAudit(auditLog, destination)
  const tracing = await openTracing(settings, { metrics, log })
  const { disk, topology } = await openNodeDisk(settings, hooks.onBroken, log).catch(
    async (error: unknown) => {
      tls.stop()
      await audit?.close()
      throw error
    },
  )
  const onError = (error: unknown): void => {
    if (error instanceof AssertionError) hooks.onBroken(error)
  }
  const skewed: SkewedClock | undefined = settings.chaos
    ? skewedClock(systemClock, join(settings.dataDir, CLOCK_FAULT_FILE), log)
    : undefined
  const clock = skewed ?? systemClock
  const network = createPeerNetwork({
    self: settings.nodeId,
    newestVersion: settings.protocol,
    listen: settings.peerListen,
    log,
    faults: settings.chaos
      ? watchLinkFaults(join(settings.dataDir, LINK_FAULTS_FILE), log)
      : NO_FAULTS,
    tls: tls.peers,
    admit: async (asked) => {
      try {
        return await admitMember(node, asked)
      } catch (error) {
        onError(error)
        throw error
      }
    },
  })
  const ports = {
    clock,
    timers: systemTimers,
    random: systemRandom,
    codec: msgpackCodec,
    disk,
    network,
    log,
    metrics,
    tracer: tracing?.tracer,
  }
  let joined: string | undefined
  const node: Node = createNode(ports, {
    ...settings,
    // A getter, because the document is known only after the cluster has admitted this node. That may take long, and
    // health checks need the node meanwhile.
    get joined() {
      return joined
    },
    onSuperseded: (reason) => hooks.onBroken(new Error(reason)),
    hasLostData: disk.setAside !== undefined || disk.hasLostWrites,
    ...(hooks.onRemoved === undefined ? {} : { onRemoved: hooks.onRemoved }),
  })
  const open = openPorts(settings)
  const openToStrangers = open.length > 0
  metrics.gauge('open_to_strangers', openToStrangers ? 1 : 0)
  for (const { warning, ...fields } of open) log.warn(fields, warning)
  let droppedLines = 0
  const api = createApiServer({
    service: node,
    clock,
    timers: systemTimers,
    log,
    metrics,
    certificates: tls.clients,
    exposeMetrics: async () => {
      tls.look()
      metrics.gauge('plain_peer_links', network.plainLinks())
      if (skewed !== undefined) {
        metrics.gauge('chaos_clock_offset_seconds', skewed.offsetMs() / 1000)
      }
      const dropped = destination.droppedLines
      metrics.count('log_lines_dropped_total', undefined, dropped - droppedLines)
      droppedLines = dropped
      return { contentType: metrics.contentType, text: await metrics.render() }
    },
    nodeId: settings.nodeId,
    version: programVersion(),
    maxValueBytes: settings.maxValueBytes,
    maxClockDriftMs: settings.maxClockDriftMs,
    requestTimeoutMs: settings.requestTimeoutMs,
    maxConnections: settings.maxConnections,
    labDir: settings.labDir ?? BUILT_LAB,
    allowedOrigins: settings.allowedOrigins,
    allowedHosts: settings.allowedHosts,
    rootHashes,
    requestLimits: settings.requestLimits,
    openToStrangers,
    auditSink: audit?.write,
    tracer: tracing?.tracer,
    logRequests: settings.logLevel === 'debug' || settings.logLevel === 'trace',
    onInternalError: onError,
  })
  try {
    // Listen before the node starts, so that health checks get an answer, and a taken port is reported at once.
    const clientPort = await named('QUORATE_LISTEN', api.listen(settings.listen))
    joined = await joinedTopology(settings, topology, hooks, tls.peers, log)
    await named('QUORATE_PEER_LISTEN', node.start())
    // The node has by now stored that its copies are behind, so the loss need not be reported again.
    if (disk.hasLostWrites) await disk.forgetLoss()
    api.open()
    const buckets = createConfiguredBuckets(node, settings.buckets, log)
    const founding = foundCluster(node, log)
    let stopped: Promise<void> | undefined
    const stopAll = async (): Promise<void> => {
      try {
        await api.close({ drainMs: settings.drainMs, graceMs: REQUESTS_GRACE_MS })
        await node.stop()
      } finally {
        tls.stop()
        skewed?.stop()
        await audit?.close()
        await tracing?.close()
      }
    }
    const stop = (): Promise<void> => {
      buckets.cancel()
      founding.cancel()
      stopped ??= stopAll()
      return stopped
    }
    return { clientPort, peerPort: network.port(), service: node, stop }
  } catch (error) {
    tls.stop()
    skewed?.stop()
    await closeAll(api, network, disk)
    await audit?.close()
    await tracing?.close()
    throw error
  }
}

/**
 * The topology from which a joining node starts: the stored one if it has joined before, otherwise the one that the
 * cluster gives. Undefined for a first member.
 */
async function joinedTopology(
  { nodeId, join, protocol }: Settings,
  stored: string | undefined,
  { stop }: StartHooks,
  tls: PeerTls | undefined,
  log: Log,
): Promise<string | undefined> {
  if (join === undefined) return undefined
  if (stored !== undefined) return stored
  const { seeds, peerUrl, zone, replaces } = join
  const document = await askToJoin({
    self: { id: nodeId, peerUrl, zone },
    replaces,
    versions: { oldest: VERSIONS.oldest, newest: protocol },
    seeds,
    tls,
    log,
    stop,
  })
  log.info({ replaces }, 'admitted to the cluster')
  return document
}

export function logOf(settings: Settings): ProcessLog {
  return createProcessLog({ node: settings.nodeId, level: settings.logLevel })
}

async function closeAll(
  api: ApiServer,
  ...ports: readonly { close(): Promise<void> }[]
): Promise<void> {
  const closing = api.close({ drainMs: 0, graceMs: 0 })
  await Promise.allSettled([closing, ...ports.map((port) => port.close())])
}

/** If an address cannot be listened on, names the setting that it comes from. */
async function named<T>(setting: string, starting: Promise<T>): Promise<T> {
  try {
    return await starting
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException
    throw syscall === 'listen' ? new Error(`${setting}: ${message}`, { cause: error }) : error
  }
}
