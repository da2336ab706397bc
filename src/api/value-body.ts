/**
 * Reads a request body of any content type into one buffer of at most a given size.
 *
 * A body that is too large is read to its end and dropped before the answer, up to a bound: a client that is
 * still sending when its connection closes would lose the answer that says why.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { QuorateError } from '../core/errors.ts'

const DROPPED_BYTES_MAX = 16 * 1_048_576
const NO_BYTES = Buffer.alloc(0)

type Done = (error: Error | null, body?: Buffer) => void

/** The limit of each route is its `bodyLimit`. */
export function acceptAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage, done: Done) => {
    readBody(payload, request.routeOptions.bodyLimit, done)
  })
}

/** The bytes of the body; none where the request has no body. */
export function bodyOf(request: FastifyRequest): Buffer {
  return (request.body as Buffer | null | undefined) ?? NO_BYTES
}

function readBody(payload: IncomingMessage, limitBytes: number, done: Done): void {
  const declared = Number(payload.headers['content-length'] ?? 0)
  if (declared > DROPPED_BYTES_MAX && declared > limitBytes)
    return done(tooLarge(`${declared}`, limitBytes))
  const chunks: Buffer[] = []
  let bytes = 0
  let ended = false
  const end = (error: Error | null, body?: Buffer): void => {
    if (ended) return
    ended = true
    done(error, body)
  }
  payload.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= limitBytes) {
      chunks.push(chunk)
    } else {
      chunks.length = 0
      if (bytes > DROPPED_BYTES_MAX) end(tooLarge(`more than ${bytes}`, limitBytes))
    }
  })
  payload.on('end', () => {
    if (bytes > limitBytes) end(tooLarge(`${bytes}`, limitBytes))
    // Copied: a chunk is a view of the socket's read buffer, which a kept value would keep alive.
    else end(null, Buffer.concat(chunks, bytes))
  })
  payload.on('error', () => {
    end(new QuorateError('bad_request', 'The connection ended before the body was complete.'))
  })
}

function tooLarge(bytes: string, limitBytes: number): QuorateError {
  return new QuorateError(
    'value_too_large',
    `The body has ${bytes} bytes; at most ${limitBytes} bytes are allowed here.`,
  )
}
