/**
 * Answers on the bare connection, for input that is not HTTP, whose headers are too large, or that came too late. It
 * writes a problem to the socket and ends the connection.
 *
 * Invariant: a client never mistakes this problem for the answer to an earlier request, which may have been applied.
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ERRORS, QuorateError } from '../../core/errors.ts'
import { problemDocument, PROBLEM_TYPE } from './problem.ts'
import { afterAnswers } from './request-order.ts'

/** How long a client may go on sending after the answer. If the server closed at once, the client could lose it. */
const LINGER_MS = 1000

export interface HttpLimits {
  readonly headerBytesMax: number
  readonly requestSecondsMax: number
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
  if (ENDING.has(socket)) return
  ENDING.add(socket)
  const problem = explain(error, limits)
  afterAnswers(socket, () => answerConnection(socket, problem, requestId))
}

/** Writes the problem as the last answer of the connection. */
export function answerConnection(socket: Socket, error: QuorateError, requestId: string): void {
  if (!socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  const { code, message, details } = error
  const { status } = ERRORS[code]
  const body = `${JSON.stringify(problemDocument(code, message, details, requestId))}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    ...(details.allow === undefined ? [] : [`Allow: ${details.allow.join(', ')}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ]
  socket.setTimeout(LINGER_MS, () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** Connections that failed to parse. All further bytes would fail too, so each connection is answered once. */
const ENDING = new WeakSet<Socket>()

function explain(error: NodeJS.ErrnoException, limits: HttpLimits): QuorateError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new QuorateError(
        'headers_too_large',
        `The request line and the headers have more than the ${limits.headerBytesMax} bytes that are allowed together.`,
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new QuorateError(
        'bad_request',
        `The request was not complete after ${limits.requestSecondsMax} s.`,
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
