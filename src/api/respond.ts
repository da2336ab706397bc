/**
 * Writes one answer to the socket in one go, headers spelled as the contract spells them. It takes over from
 * Fastify, which would lower the case of names, add a charset to JSON types and walk its hooks once more.
 */
import type { FastifyReply } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** Name, value, name, value…: the form that node writes without another pass. */
export type HeaderList = string[]

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
