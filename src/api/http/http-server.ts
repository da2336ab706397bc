/**
 * The HTTP server below Fastify. It answers errors that Node.js would answer itself with problem documents, refuses
 * requests that no route may see, and puts pipelined requests in order.
 *
 * Invariant: a request that is refused here reaches no route, so it has had no effect.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { QuorateError } from '../../core/errors.ts'
import type { CertificateSource } from '../../ports/certificates.ts'
import { ClientCertificates } from '../https/client-certificates.ts'
import { SecureServer } from '../https/secure-server.ts'
import type { ByteBudget } from './byte-budget.ts'
import { answerConnection, type ArrivalLimits, isEnded } from './client-error.ts'
import type { Connections } from './connections.ts'
import { answerProblem } from './problem.ts'
import { quoted } from './query.ts'
import { idOfRequest } from './request-id.ts'
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
  /** HTTPS instead of plain HTTP. */
  readonly certificates?: CertificateSource | undefined
  /** Called when the CA of clients has changed. */
  readonly onNewCa?: () => void
  /** Called for each request that is refused here. */
  readonly onRefused: (request: IncomingMessage, error: QuorateError) => void
}

export function createHttpServer(handler: RequestListener, options: HttpServerOptions): Server {
  const { order, requestId, refusalOf, observe, onRefused, connections, connectionsMax } = options
  const { server, clients, connected, endNewcomers } = createBareServer(options)
  const refuse = (
    request: IncomingMessage,
    response: ServerResponse,
    error: QuorateError,
  ): void => {
    onRefused(request, error)
    answerProblem(response, idOfRequest(request, requestId), error)
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
      const error =
        clients?.refusalOf(request, response) ??
        refusalOf(request) ??
        uploadRefusal(response, options)
      if (error === undefined) order.take(request, response, work)
      else refuse(request, response, error)
    }
  server.on('request', listener(plain))
  server.on('checkContinue', listener(continued))
  server.on(connected, (socket: Socket) => {
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
  server.closeIdleConnections = () => {
    connections.endIdle()
    endNewcomers()
  }
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

interface BareServer {
  readonly server: Server
  /** Decides which clients are answered; undefined if they need no certificates. */
  readonly clients: ClientCertificates | undefined
  /** The event with which a connection can be used. */
  readonly connected: 'connection' | 'secureConnection'
  /** Ends connections whose TLS handshake is under way. */
  readonly endNewcomers: () => void
}

function createBareServer({
  certificates,
  requestId,
  onNewCa,
  connections,
  ...options
}: HttpServerOptions): BareServer {
  const http = {
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.arrival.headersMs,
    requestTimeout: options.arrival.wholeMs,
    connectionsCheckingInterval: options.arrival.lookMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // `refusalOf` refuses a request without a Host header, with a problem document.
    requireHostHeader: false,
  }
  if (certificates === undefined) {
    const endNewcomers = (): void => undefined
    return { server: createServer(http), clients: undefined, connected: 'connection', endNewcomers }
  }
  const refusePlain = (socket: Socket): void => {
    const message = 'This port speaks HTTPS: begin the address with https://.'
    answerConnection(socket, new QuorateError('bad_request', message), requestId())
    socket.resume()
  }
  const secure = new SecureServer({ http, certificates, refusePlain })
  connections.watchArriving(() => secure.newcomerCount)
  const needsCertificates = certificates.current().ca !== undefined
  const clients = needsCertificates
    ? new ClientCertificates((socket) => connections.endIfIdle(socket))
    : undefined
  secure.on('secureConnection', (socket) => clients?.add(socket))
  certificates.onChange((_material, isNewCa) => {
    if (!isNewCa) return
    clients?.endAll()
    // Their handshake may still be checked against the old CA.
    secure.endNewcomers()
    onNewCa?.()
  })
  // It has all methods and events of a server of HTTP, and its types do not say so.
  const server = secure as unknown as Server
  const endNewcomers = (): void => secure.endNewcomers()
  return { server, clients, connected: 'secureConnection', endNewcomers }
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
