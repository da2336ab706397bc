/**
 * The HTTP server below Fastify. It answers errors that Node.js would answer itself with problem documents, refuses
 * requests that no route may see, and puts pipelined requests in order.
 *
 * Invariant: a request that is refused here reaches no route, so it has had no effect.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { QuorateError } from '../../core/errors.ts'
import type { ByteBudget } from './byte-budget.ts'
import { answerConnection, type ArrivalLimits, isEnded } from './client-error.ts'
import type { Connections } from './connections.ts'
import { answerProblem } from './problem.ts'
import { quoted } from './query.ts'
import {
  afterAnswers,
  type OrderedWork,
  type RequestListener,
  type RequestOrder,
} from './request-order.ts'

export interface HttpServerOptions {
  readonly headerBytesMax: number
  readonly arrival: ArrivalLimits
  readonly keepAliveTimeoutMs: number
  readonly connections: Connections
  /** Further connections are answered and closed. */
  readonly connectionsMax: number
  readonly order: RequestOrder
  /** Memory for the bodies of requests under way. */
  readonly uploads: ByteBudget
  /** A longer body is dropped while it arrives, so it takes nothing from `uploads`. */
  readonly bodyBytesMax: number
  readonly requestId: (given?: string | string[]) => string
  /** The error, if no route may see the request. */
  readonly refusalOf: (request: IncomingMessage) => QuorateError | undefined
  /** Called first for each request; undefined if nobody wants to know. */
  readonly observe?: RequestListener | undefined
  /** Called for each request that is refused here. */
  readonly onRefused: (request: IncomingMessage, error: QuorateError) => void
}

export function createHttpServer(handler: RequestListener, options: HttpServerOptions): Server {
  const { order, requestId, refusalOf, observe, onRefused, connections, connectionsMax } = options
  const server = createServer({
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.arrival.headersMs,
    requestTimeout: options.arrival.wholeMs,
    connectionsCheckingInterval: options.arrival.lookMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // `refusalOf` refuses a request without a Host header, with a problem document.
    requireHostHeader: false,
  })
  const refuse = (
    request: IncomingMessage,
    response: ServerResponse,
    error: QuorateError,
  ): void => {
    onRefused(request, error)
    answerProblem(response, requestId(request.headers['x-request-id']), error)
  }
  const overloaded = (request: IncomingMessage, response: ServerResponse): void => {
    const message = 'Too many requests wait for earlier ones of their connections.'
    refuse(request, response, new QuorateError('overloaded', message))
  }
  const plain: OrderedWork = { run: handler, refuse: overloaded }
  const continued: OrderedWork = {
    run: (request, response) => {
      response.writeContinue()
      handler(request, response)
    },
    refuse: overloaded,
  }
  const listener =
    (work: OrderedWork) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const { headers, socket } = request
      if (isEnded(socket)) return
      connections.began(response)
      observe?.(request, response)
      // Treat an empty Content-Type as absent, because Fastify would refuse it.
      if (headers['content-type'] === '') delete headers['content-type']
      const error = refusalOf(request) ?? uploadRefusal(response, options)
      if (error === undefined) order.take(request, response, work)
      else refuse(request, response, error)
    }
  server.on('request', listener(plain))
  server.on('checkContinue', listener(continued))
  server.on('connection', (socket: Socket) => {
    // Every pipelined request of a connection may listen for its end, so there is no limit of listeners.
    socket.setMaxListeners(0)
    connections.add(socket)
    if (connections.count <= connectionsMax) return
    const message = `This node has ${connectionsMax} connections, and takes no more.`
    const error = new QuorateError('overloaded', message)
    answerConnection(socket, error, requestId())
  })
  // Beyond this, connections are closed without a word, because each answer takes a descriptor for a moment.
  server.maxConnections = connectionsMax + Math.ceil(connectionsMax / ANSWERED_SHARE)
  // A server that closes calls it. It would cut off a request that is on its way.
  server.closeIdleConnections = () => connections.endIdle()
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (isEnded(request.socket)) return
    connections.began(response)
    const expected = quoted(request.headers.expect ?? '')
    const message = `The expectation ${expected} cannot be met; 100-continue is the only one.`
    refuse(request, response, new QuorateError('expectation_failed', message))
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    const message = 'CONNECT is not possible here: this is no proxy.'
    const error = new QuorateError('method_not_allowed', message, { allow: CONNECT_ALLOW })
    afterAnswers(socket, () => answerConnection(socket, error, requestId()))
    onRefused(request, error)
  })
  return server
}

/** Runs before the body is read. A body of unknown length is counted while it arrives (value-body.ts). */
function uploadRefusal(
  response: ServerResponse,
  { uploads, bodyBytesMax }: HttpServerOptions,
): QuorateError | undefined {
  const declared = response.req.headers['content-length']
  if (declared === undefined || Number(declared) > bodyBytesMax) return undefined
  if (uploads.takeFor(response, Number(declared))) return undefined
  return new QuorateError(
    'overloaded',
    `There is no room for a body of ${declared} bytes beside those that are being received.`,
  )
}

/** One in so many connections may be one that is only told that there are too many. */
const ANSWERED_SHARE = 16
const CONNECT_ALLOW = ['DELETE', 'GET', 'HEAD', 'POST', 'PUT']
