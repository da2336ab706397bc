/** Answers what is not HTTP, or too large to be read as HTTP: a problem written to the bare socket, then its end. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ERRORS, type ErrorCode } from '../core/errors.ts'
import { problemDocument, PROBLEM_TYPE } from './problem.ts'

/** How long a client may go on sending after the answer: closing at once could cost it the answer. */
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
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    if (!socket.writableEnded) socket.destroy()
    return
  }
  const [code, detail] = explain(error, limits)
  const { status } = ERRORS[code]
  const body = `${JSON.stringify(problemDocument(code, detail, {}, requestId))}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ]
  socket.setTimeout(LINGER_MS, () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function explain(
  error: NodeJS.ErrnoException,
  limits: HttpLimits,
): [code: ErrorCode, detail: string] {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        'headers_too_large',
        `The request line and the headers have more than the ${limits.headerBytesMax} bytes that are allowed together.`,
      ]
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['bad_request', `The request was not complete after ${limits.requestSecondsMax} s.`]
    default:
      return ['bad_request', `This is not HTTP/1.1: ${error.message}.`]
  }
}

/** Whether an answer to an earlier request is half on its way: nothing may be written into the middle of it. */
function isAnswering(socket: Socket): boolean {
  const { _httpMessage: message } = socket as Socket & { _httpMessage?: { headersSent: boolean } }
  return message?.headersSent === true
}
