/**
 * Answers on the bare connection, for input that is not HTTP, whose headers are too large, or that came too late. It
 * writes a problem to the socket and ends the connection.
 *
 * Invariants: a client never mistakes this problem for the answer to an earlier request, which may have been applied. A
 * request whose answer this problem may be is never applied, also if the rest of it still arrives (`isEnded`, `isCutOff`).
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ERRORS, QuorateError } from '../../core/errors.ts'
import { problemDocument, PROBLEM_TYPE, retryAfterOf } from './problem.ts'
import { afterAnswers, lastUnanswered } from './request-order.ts'

/** How long a client may go on sending after the answer. If the server closed at once, the client could lose it. */
const LINGER_MS = 1000

export interface HttpLimits {
  readonly headerBytesMax: number
  readonly arrival: ArrivalLimits
}

/** How long a request may take to arrive. */
export interface ArrivalLimits {
  readonly headersMs: number
  readonly wholeMs: number
  /** How often connections are looked at. */
  readonly lookMs: number
}

/** Connections with a last answer. Further requests on them are dropped. */
const ENDED = new WeakSet<Socket>()
/** Requests that were not complete when their connection got its last answer. */
const CUT_OFF = new WeakSet<IncomingMessage>()

/** Whether the connection has its last answer, or gets it after those to earlier requests. */
export function isEnded(socket: Socket): boolean {
  return ENDED.has(socket)
}

/** Whether the request came too late, although the rest of its body may be here by now. */
export function isCutOff(request: IncomingMessage): boolean {
  return CUT_OFF.has(request)
}

export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  limits: HttpLimits,
  requestId: string,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    if (!socket.writableEnded) socket.destroy()
    return
  }
  // After one failure to parse, all further bytes fail too.
  if (ENDED.has(socket)) return
  ENDED.add(socket)
  const request = lastUnanswered(socket)?.req
  if (request?.complete === false) CUT_OFF.add(request)
  const problem = explain(error, limits)
  afterAnswers(socket, () => answerConnection(socket, problem, requestId))
}

/** Writes the problem as the last answer of the connection. */
export function answerConnection(socket: Socket, error: QuorateError, requestId: string): void {
  ENDED.add(socket)
  if (!socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  const { code, message, details } = error
  const { status } = ERRORS[code]
  const body = `${JSON.stringify(problemDocument(code, message, details, requestId))}\n`
  const retryAfter = retryAfterOf(code, details)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    ...(details.allow === undefined ? [] : [`Allow: ${details.allow.join(', ')}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ]
  // From now on, not since the last byte: a client that sends one byte after the other would keep the connection.
  const linger = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.once('close', () => clearTimeout(linger))
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function explain(
  error: NodeJS.ErrnoException,
  { headerBytesMax, arrival }: HttpLimits,
): QuorateError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new QuorateError(
        'headers_too_large',
        `The request line and the headers have more than the ${headerBytesMax} bytes that are allowed together.`,
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new QuorateError(
        'request_timeout',
        `The request was not complete in time: its headers may take ${arrival.headersMs / 1000} s, and all of it ${arrival.wholeMs / 1000} s.`,
      )
    default:
      return new QuorateError('bad_request', `This is not HTTP/1.1: ${error.message}.`)
  }
}

/** Whether an answer to an earlier request is partly sent. Nothing may be written into the middle of it. */
function isAnswering(socket: Socket): boolean {
  const { _httpMessage: message } = socket as Socket & { _httpMessage?: { headersSent: boolean } }
  return message?.headersSent === true
}
