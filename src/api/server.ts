/**
 * The HTTP server for clients: Fastify with the routes of this folder. It listens before the node has started, so that
 * health checks get an answer. Until then, requests that need the node get `not_ready`.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { assert } from '../core/assert.ts'
import { QuorateError } from '../core/errors.ts'
import type { NodeService } from '../node/service/service.ts'
import type { CertificateSource } from '../ports/certificates.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Metrics, MetricsReader } from '../ports/metrics.ts'
import type { Timers } from '../ports/timers.ts'
import type { Tracer } from '../ports/tracer.ts'
import type { ApiContext, ApiPhase, MetricsText } from './http/api-context.ts'
import { addBackupRoutes } from './backup/backup-routes.ts'
import { BATCH_BYTES_MAX } from './batch/batch-endpoint.ts'
import { addBatchRoutes } from './batch/batch-routes.ts'
import { addBucketRoutes } from './buckets/bucket-routes.ts'
import { addChangeRoutes } from './cluster/change-routes.ts'
import { addDocumentRoutes } from './document/document-routes.ts'
import { ENDPOINTS } from './endpoints.ts'
import { addEventRoutes } from './events/event-routes.ts'
import { BrowserGuard } from './http/browser-guard.ts'
import { ByteBudget } from './http/byte-budget.ts'
import { Connections, connectionsMax } from './http/connections.ts'
import { EventStreams } from './http/event-stream.ts'
import { AuditTrail, type AuditSink } from './gate/audit-trail.ts'
import { Gate } from './gate/gate.ts'
import { NO_LIMITS, type RequestLimitSettings } from './gate/request-limits.ts'
import { addTokenRoutes } from './gate/token-routes.ts'
import { answerClientError, type ArrivalLimits } from './http/client-error.ts'
import { addClusterRoutes } from './cluster/cluster-routes.ts'
import { GET_LIVE, GET_METRICS, GET_READY } from './cluster/health-endpoints.ts'
import { addHealthRoutes } from './cluster/health-routes.ts'
import { createHttpServer } from './http/http-server.ts'
import { EndpointFinder } from './observed/endpoint-finder.ts'
import { RequestSpans } from './observed/request-spans.ts'
import { spanOf } from './trace/request-trace.ts'
import { addKeyListRoutes } from './buckets/key-list-routes.ts'
import { KV_PREFIX } from './http/kv-path.ts'
import { addKvRoutes, KV_OPERATIONS, KV_ROUTE } from './values/kv-routes.ts'
import { asQuorateError, respondProblem } from './http/problem.ts'
import { createRequestIds, idOfRequest, type RequestIds } from './http/request-id.ts'
import { RequestMeter } from './http/request-meter.ts'
import { type RequestListener, RequestOrder } from './http/request-order.ts'
import { requestRefusal } from './http/request-refusal.ts'
import { parseTarget } from './http/request-target.ts'
import { addLabRoutes } from './lab/lab-routes.ts'
import { RouteTable } from './route-table.ts'
import { acceptAnyBody } from './http/value-body.ts'
import { addWatchRoutes } from './watch/watch-routes.ts'

/** Above the default of Node.js, because clients send Quorate-Context in a header and it may have some kilobytes. */
const HEADER_BYTES_MAX = 65_536
const REQUEST_TIMEOUT_MS = 2000
/** The bounds of all bodies of requests, and of all bodies of answers, that are under way at once. */
const UPLOAD_BYTES_MAX = 128 * 1_048_576
const ANSWER_BYTES_MAX = 256 * 1_048_576
/** Longer than 60 s, after which common proxies drop an idle connection, so that the proxy closes it first. */
const KEEP_ALIVE_MS = 65_000
const ARRIVAL: ArrivalLimits = { headersMs: 10_000, wholeMs: 60_000, lookMs: 1000 }
/** How often a closing server looks whether every request is answered. */
const LOOK_INTERVAL_MS = 25
/**
 * So long a stopping node refuses requests before it closes its port. A client that connects at that very moment would
 * lose its request without an answer. Clients that have been refused do not come back so soon.
 */
const REFUSING_MS = 100
/** After so long a client may ask a node again that has stopped. */
const RESTART_SECONDS = 2
/** Paths that a stopping node still answers. */
const PROBES: readonly string[] = [GET_LIVE.path, GET_READY.path, GET_METRICS.path]

export interface ApiOptions {
  readonly service: NodeService
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly metrics: Metrics & MetricsReader
  readonly exposeMetrics: () => Promise<MetricsText>
  readonly nodeId: string
  /** The version of this program. */
  readonly version: string
  /** The directory of the built lab, which may be absent. */
  readonly labDir: string
  readonly maxValueBytes: number
  readonly maxClockDriftMs: number
  /** The timeout of requests that name none. */
  readonly requestTimeoutMs?: number
  /** Web origins, besides the node's own, whose pages may change something. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Host names that are served; undefined serves all. */
  readonly allowedHosts?: readonly string[] | undefined
  /** Half of the open files that the system allows if left out. */
  readonly maxConnections?: number | undefined
  /** The hashes of the root tokens. Undefined: the node takes requests without tokens. */
  readonly rootHashes?: readonly string[] | undefined
  /** How many requests each token and each stranger may send. No limits if left out. */
  readonly requestLimits?: RequestLimitSettings | undefined
  /** Whether strangers may reach this node, and get answers without a token. */
  readonly openToStrangers?: boolean
  /** Takes the lines of the audit log; undefined without one. */
  readonly auditSink?: AuditSink | undefined
  /** Undefined if requests are not traced. */
  readonly tracer?: Tracer | undefined
  /** For HTTPS; undefined for plain HTTP. */
  readonly certificates?: CertificateSource | undefined
  /** Whether each request gets a log line at debug. */
  readonly logRequests: boolean
  /** Called for each error that is not in the catalogue, after it was logged. */
  readonly onInternalError: (error: unknown) => void
}

export interface ApiServer {
  /** Resolves with the port. The system chooses it if the requested port is 0. */
  listen(address: { host: string; port: number }): Promise<number>
  /** From now on requests reach the node. */
  open(): void
  /** Serves for `drainMs` more, but is not ready. Then refuses requests, and waits for those under way. */
  close(times: ClosingTimes): Promise<void>
}

export interface ClosingTimes {
  readonly drainMs: number
  /** How long the requests under way may take. */
  readonly graceMs: number
}

export function createApiServer(options: ApiOptions): ApiServer {
  let phase: ApiPhase = 'starting'
  const requestId = createRequestIds(options.nodeId)
  const guards = createGuards(options, () => phase, requestId)
  const api = createContext(options, guards, () => phase)
  const connections = new Connections(() => requestId(undefined))
  const app = createApp(api, options, { ...guards, requestId, connections })
  return {
    async listen(address) {
      await app.listen(address)
      // For example, no descriptor is left for a connection. Without a listener the error would end the process.
      app.server.on('error', (error) => options.log.warn({ error: error.message }, 'not accepted'))
      return (app.server.address() as AddressInfo).port
    },
    open() {
      phase = 'running'
    },
    async close({ drainMs, graceMs }) {
      phase = 'draining'
      connections.drain()
      if (drainMs > 0) await after(drainMs)
      phase = 'stopping'
      // They have no end of their own.
      api.streams.closeAll()
      const end = setTimeout(() => app.server.closeAllConnections(), graceMs)
      const isOver = (ms: number): boolean => ms >= REFUSING_MS && connections.busyCount === 0
      for (let ms = 0; !connections.isEmpty && !isOver(ms); ms += LOOK_INTERVAL_MS) {
        await after(LOOK_INTERVAL_MS)
      }
      // It closes the port first, and then ends the idle connections.
      await app.close()
      clearTimeout(end)
      guards.audit?.stop()
    },
  }
}

interface Guards {
  readonly gate: Gate | undefined
  readonly audit: AuditTrail | undefined
  /** Undefined if requests are not traced. */
  readonly spans: RequestSpans | undefined
}

function createGuards(options: ApiOptions, phase: () => ApiPhase, requestId: RequestIds): Guards {
  const { service, clock, timers, metrics, nodeId: node, rootHashes, auditSink: sink } = options
  const { requestLimits: limits = NO_LIMITS, tracer } = options
  const finder = new EndpointFinder(ENDPOINTS)
  const gate = rootHashes && new Gate({ service, metrics, clock, phase, rootHashes, limits })
  const callerName: (request: IncomingMessage) => string | null = (request) =>
    gate?.callerNameOf(request) ?? null
  const requestIdOf = (request: IncomingMessage): string => idOfRequest(request, requestId)
  const ports = { clock, timers, metrics }
  const asksForTokens = gate !== undefined
  const told = { node, finder, asksForTokens, callerName, requestIdOf }
  const audit = sink && new AuditTrail({ ...ports, ...told, sink })
  const isStranger = (request: IncomingMessage): boolean =>
    asksForTokens && callerName(request) === null
  const spans = tracer && new RequestSpans({ tracer, finder, service, isStranger })
  return { gate, audit, spans }
}

function createContext(
  options: ApiOptions,
  { gate, audit, spans }: Guards,
  phase: () => ApiPhase,
): ApiContext {
  const { service, clock, log, metrics, exposeMetrics, maxValueBytes, maxClockDriftMs } = options
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = options
  const meter = new RequestMeter({ clock, log, metrics }, options)
  const onInternalError = (error: unknown, requestId: string): void => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log.error({ requestId, stack }, 'internal error')
    options.onInternalError(error)
  }
  return {
    service,
    clock,
    log,
    metrics,
    gate,
    audit,
    spanOf: spans && spanOf,
    meter,
    exposeMetrics,
    openToStrangers: options.openToStrangers ?? false,
    maxValueBytes,
    maxClockDriftMs,
    requestTimeoutMs,
    uploads: new ByteBudget(UPLOAD_BYTES_MAX),
    answers: new ByteBudget(ANSWER_BYTES_MAX),
    streams: new EventStreams(options.timers, gate),
    phase,
    onInternalError,
  }
}

interface AppParts extends Guards {
  readonly requestId: RequestIds
  readonly connections: Connections
}

function createApp(
  api: ApiContext,
  options: ApiOptions,
  { gate, audit, spans, requestId, connections }: AppParts,
): FastifyInstance {
  const { nodeId, version, labDir } = options
  const guard = new BrowserGuard(options)
  const limits = { headerBytesMax: HEADER_BYTES_MAX, arrival: ARRIVAL }
  const app = Fastify({
    logger: false,
    requestIdHeader: false,
    genReqId: (request) => idOfRequest(request as IncomingMessage, requestId),
    rewriteUrl: (request) => routedTarget(request as TargetedRequest),
    // The router would find no route for a longer parameter. The route itself can say what is wrong with it.
    routerOptions: { maxParamLength: HEADER_BYTES_MAX },
    serverFactory: (handler) =>
      createHttpServer(handler, {
        ...limits,
        keepAliveTimeoutMs: KEEP_ALIVE_MS,
        order: new RequestOrder(api.clock),
        uploads: api.uploads,
        bodyBytesMax: Math.max(api.maxValueBytes, BATCH_BYTES_MAX),
        requestId,
        connections,
        connectionsMax: options.maxConnections ?? connectionsMax(),
        refusalOf: (request) =>
          requestRefusal(request, guard) ??
          (api.phase() === 'stopping' ? stoppingRefusal(request, nodeId) : undefined) ??
          gate?.strangerRefusal(request),
        observe: observerOf([spans, audit]),
        certificates: options.certificates,
        onNewCa: () => api.streams.endOpen(),
        onRefused: (request, error) => countRefusal(api, request, error),
      }),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, limits, requestId()),
    frameworkErrors: (error, request, reply) => answerError(api, error, request, reply),
  })
  const routes = new RouteTable()
  app.addHook('onRoute', ({ method, url, config }) => {
    const { endpoints = [] } = config ?? {}
    assert(endpoints.length > 0, `the route ${url} serves an endpoint`)
    for (const endpoint of endpoints) {
      assert(ENDPOINTS.includes(endpoint), `the endpoint ${endpoint.id} is in the table`)
    }
    routes.add(url, method)
  })
  app.setErrorHandler((error, request, reply) => answerError(api, error, request, reply))
  app.setNotFoundHandler((request) => {
    throw routes.refusal(request.raw.method ?? '', request.raw.url ?? '')
  })
  gate?.guard(app)
  acceptAnyBody(app, api.uploads)
  addKvRoutes(app, api)
  addHealthRoutes(app, api)
  addDocumentRoutes(app, { endpoints: ENDPOINTS, version, nodeId })
  addLabRoutes(app, labDir)
  app.register((scope, _options, done) => {
    scope.addHook('onRequest', (_request, _reply, next) => {
      next(api.phase() === 'starting' ? notReady() : undefined)
    })
    addBatchRoutes(scope, api)
    addBucketRoutes(scope, api)
    addTokenRoutes(scope, api)
    addKeyListRoutes(scope, api)
    addWatchRoutes(scope, api)
    addClusterRoutes(scope, api)
    addChangeRoutes(scope, api)
    addEventRoutes(scope, api)
    addBackupRoutes(scope, api)
    done()
  })
  return app
}

/** Undefined if nobody observes requests. */
function observerOf(
  all: readonly ({ readonly observe: RequestListener } | undefined)[],
): RequestListener | undefined {
  const observers = all.filter((one) => one !== undefined)
  if (observers.length === 0) return undefined
  return (request, response) => {
    for (const one of observers) one.observe(request, response)
  }
}

type TargetedRequest = IncomingMessage & { originalUrl: string; url: string }

/**
 * Sends every key to one fixed route, because the router would decode, normalise or refuse some keys. The raw target
 * stays in `originalUrl`, in origin form even if the client sent `http://host/path`.
 */
function routedTarget(request: TargetedRequest): string {
  const { path } = parseTarget(request.url)
  request.originalUrl = path
  return path.startsWith(KV_PREFIX) ? KV_ROUTE : path
}

/** Counts a request that reached no route like a request that its route refused. */
function countRefusal(api: ApiContext, request: IncomingMessage, error: QuorateError): void {
  const op = KV_OPERATIONS[request.method ?? '']
  if (op === undefined || !parseTarget(request.url ?? '').path.startsWith(KV_PREFIX)) return
  api.meter.refuse(op, error.code)
}

function answerError(
  api: ApiContext,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const error = asQuorateError(thrown)
  if (error.code === 'internal') api.onInternalError(thrown, request.id)
  const op = KV_OPERATIONS[request.raw.method ?? '']
  if (op !== undefined && request.raw.url === KV_ROUTE) api.meter.refuse(op, error.code)
  respondProblem(reply, error)
}

/** The port of a node that stops is open for a moment, so that no client loses a request on its way. */
function stoppingRefusal({ url = '' }: IncomingMessage, nodeId: string): QuorateError | undefined {
  const [path = ''] = parseTarget(url).path.split('?')
  if (PROBES.includes(path)) return undefined
  return new QuorateError('not_ready', `${nodeId} is stopping: ask another node.`, {
    retryAfterSeconds: RESTART_SECONDS,
  })
}

function notReady(): QuorateError {
  return new QuorateError('not_ready', 'This node is still starting.')
}
