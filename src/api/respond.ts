/**
 * Writes one answer to the socket in one go, headers spelled as the contract spells them. It takes over from
 * Fastify, which would lower the case of names, add a charset to JSON types and walk its hooks once more.
 */
import type { FastifyReply } from 'fastify'

/** Name, value, name, value…: the form that node writes without another pass. */
export type HeaderList = string[]

export function respond(
  reply: FastifyReply,
  status: number,
  headers: HeaderList,
  body: Uint8Array | undefined,
): void {
  const response = reply.raw
  headers.push('X-Request-Id', reply.request.id)
  if (body !== undefined) headers.push('Content-Length', String(body.byteLength))
  // What is left of a request body that was refused cannot be told from a next request.
  if (!isRequestRead(reply)) headers.push('Connection', 'close')
  response.writeHead(status, headers)
  reply.hijack()
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

function isRequestRead(reply: FastifyReply): boolean {
  const { complete, headers } = reply.request.raw
  if (complete) return true
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}
