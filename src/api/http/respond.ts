/**
 * Writes a complete answer to the socket, with header names spelled as in the contract. It bypasses Fastify, which
 * would lower the case of names, add a charset to JSON types and run its hooks once more.
 */
import type { FastifyReply } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SMALL_BODY_BYTES_MAX } from './byte-budget.ts'
import { boundStall, drained, isGone } from './response-end.ts'

/** Name, value, name, value…: the form that Node.js writes without another pass. */
export type HeaderList = string[]

/** How many pieces of one answer are written in one turn of the event loop. */
const PIECES_A_TURN = 4

/** The most bytes of an unwanted body that are read and dropped. For a larger body the connection ends instead. */
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

/** Sends a body that is produced at the pace of the reader. Its length is not known in advance. */
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
  // An answer to HEAD has no body, so none is produced.
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
    // A fast reader must not keep the event loop from other requests.
    if (++count % PIECES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    if (isGone(response)) return
  }
  response.end()
}

/** Like `respond`, but below Fastify. */
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

/** Whether the rest of the request can be read and dropped, so that the connection can stay open. */
function isRestReadable({ complete, headers }: IncomingMessage): boolean {
  if (complete) return true
  // A client that waits for 100 Continue may omit its body. Then its next request would be dropped as that body.
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return false
  return Number(headers['content-length'] ?? 0) <= DROPPED_BYTES_MAX
}
