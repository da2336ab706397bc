/**
 * Writes one answer to the socket in one go, headers spelled as the contract spells them. It takes over from
 * Fastify, which would lower the case of names, add a charset to JSON types and walk its hooks once more.
 */
import type { FastifyReply } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SMALL_BODY_BYTES_MAX } from './byte-budget.ts'
import { drained, isGone } from './response-end.ts'

/** Name, value, name, value…: the form that node writes without another pass. */
export type HeaderList = string[]

/** A reader that takes nothing of a large answer for so long loses its connection, and the answer its memory. */
const STALLED_MS_MAX = 30_000

/** Of one answer, in one turn of the event loop. */
const PIECES_A_TURN = 4

/** The rest of a larger body that nobody wants is not read: its connection ends instead. */
export const DROPPED_BYTES_MAX = 16 * 1_048_576

export function respond(
  reply: FastifyReply,
  status: number,
  headers: HeaderList,
  body: Uint8Array | undefined,
): void {
  writeAnswer(reply.raw, reply.request.id, status, headers, body)
  reply.hijack()
}

/** A body that is made while it is sent, at the pace of the reader. Its length is not told before. */
export function respondPieces(
  reply: FastifyReply,
  status: number,
  headers: HeaderList,
  pieces: Iterable<string | Uint8Array>,
): void {
  const response = reply.raw
  headers.push('X-Request-Id', reply.request.id)
  response.writeHead(status, headers)
  reply.hijack()
  boundStall(response)
  // The body of an answer to HEAD would be made for nothing.
  if (response.req.method === 'HEAD') response.end()
  else void sendPieces(response, pieces)
}

async function sendPieces(
  response: ServerResponse,
  pieces: Iterable<string | Uint8Array>,
): Promise<void> {
  let count = 0
  for (const piece of pieces) {
    if (!response.write(piece)) await drained(response)
    // A quick reader must not keep the others waiting.
    if (++count % PIECES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    if (isGone(response)) return
  }
  response.end()
}

function boundStall(response: ServerResponse): void {
  response.setTimeout(STALLED_MS_MAX)
  // The bound is the socket's, and a pipelined request after this one may take longer. Before node's own listener,
  // which sets the bound of an idle connection.
  response.prependOnceListener('finish', () => response.req.socket.setTimeout(0))
}

/** The same below Fastify. */
export function writeAnswer(
  response: ServerResponse,
  requestId: string,
  status: number,
  headers: HeaderList,
  body: Uint8Array | undefined,
): void {
  headers.push('X-Request-Id', requestId)
  if (body !== undefined) headers.push('Content-Length', String(body.byteLength))
  if (!isRestReadable(response.req)) headers.push('Connection', 'close')
  response.writeHead(status, headers)
  if (body !== undefined && body.byteLength > SMALL_BODY_BYTES_MAX) boundStall(response)
  response.end(body)
}

export function respondJson(
  reply: FastifyReply,
  status: number,
  data: unknown,
  headers: HeaderList = [],
): void {
  headers.push('Content-Type', 'application/json')
  respond(reply, status, headers, Buffer.from(`${JSON.stringify(data)}\n`))
}

/** Whether what is still to come of the request can be read and dropped, so that the connection can go on. */
function isRestReadable({ complete, headers }: IncomingMessage): boolean {
  if (complete) return true
  // A client that waits for 100 Continue may leave its body out: then the next request would be taken for it.
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return false
  return Number(headers['content-length'] ?? 0) <= DROPPED_BYTES_MAX
}
