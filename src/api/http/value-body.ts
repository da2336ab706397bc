/**
 * Reads a request body of any content type into one buffer of bounded size.
 *
 * A body that is too large is read to its end and dropped before the answer, up to a bound. Otherwise a client that is
 * still sending when its connection closes would lose the answer.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { assert } from '../../core/assert.ts'
import { QuorateError } from '../../core/errors.ts'
import type { ByteBudget } from './byte-budget.ts'
import { isCutOff } from './client-error.ts'
import { DROPPED_BYTES_MAX } from './respond.ts'

const NO_BYTES = Buffer.alloc(0)
/** A body of unknown length is joined after this many pieces, because each piece costs memory of its own. */
const PIECES_MAX = 64

type Done = (error: Error | null, body?: Buffer) => void

/** The `bodyLimit` of each route bounds its bodies. */
export function acceptAnyBody(app: FastifyInstance, uploads: ByteBudget): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage, done: Done) => {
    const { bodyLimit } = request.routeOptions
    const declared = payload.headers['content-length']
    if (declared === undefined) readUndeclared(payload, bodyLimit, uploads, done)
    else if (Number(declared) <= bodyLimit) readDeclared(payload, Number(declared), done)
    else dropBody(payload, Number(declared), bodyLimit, done)
  })
}

/** The bytes of the body; no bytes if the request has no body. */
export function bodyOf(request: FastifyRequest): Buffer {
  return (request.body as Buffer | null | undefined) ?? NO_BYTES
}

function readDeclared(payload: IncomingMessage, declared: number, done: Done): void {
  // Copy the chunks: each is a view of the socket's read buffer, and a kept value would keep that buffer alive.
  const body = Buffer.allocUnsafe(declared)
  let bytes = 0
  payload.on('data', (chunk: Buffer) => {
    bytes += chunk.copy(body, bytes)
  })
  whenOver(payload, (error) => {
    assert(error !== null || bytes === declared, 'a complete body has the length that it declared')
    if (error === null) done(null, body)
    else done(error)
  })
}

/** Reads a body of unknown length. Its bytes count against `uploads` until the body is complete. */
function readUndeclared(
  payload: IncomingMessage,
  limitBytes: number,
  uploads: ByteBudget,
  done: Done,
): void {
  let pieces: Buffer[] = []
  let bytes = 0
  let taken = 0
  let ended = false
  const end = (error: Error | null, body?: Buffer): void => {
    if (ended) return
    ended = true
    uploads.give(taken)
    pieces = []
    done(error, body)
  }
  payload.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (ended) return
    if (bytes > limitBytes) {
      pieces = []
      if (bytes > DROPPED_BYTES_MAX) end(tooLarge(`more than ${bytes}`, limitBytes))
    } else if (uploads.take(chunk.length)) {
      taken += chunk.length
      pieces.push(chunk)
      if (pieces.length > PIECES_MAX) pieces = [Buffer.concat(pieces)]
    } else {
      const message = 'There is no room for this body beside those that are being received.'
      end(new QuorateError('overloaded', message))
    }
  })
  whenOver(payload, (error) => {
    if (error !== null) end(error)
    else if (bytes > limitBytes) end(tooLarge(`${bytes}`, limitBytes))
    else end(null, Buffer.concat(pieces))
  })
}

/** Reports that the body is too large after it has been read and dropped; at once if it is far too large. */
function dropBody(
  payload: IncomingMessage,
  declared: number,
  limitBytes: number,
  done: Done,
): void {
  const error = tooLarge(`${declared}`, limitBytes)
  if (declared > DROPPED_BYTES_MAX) return done(error)
  whenOver(payload, (brokenOff) => done(brokenOff ?? error))
  payload.resume()
}

/** Calls back once: with null at the end of the body, or with an error if the connection ends before it. */
function whenOver(payload: IncomingMessage, then: (error: QuorateError | null) => void): void {
  let isOver = false
  const end = (error: QuorateError | null): void => {
    if (isOver) return
    isOver = true
    then(error)
  }
  // After a timeout the client has been told that the request was rejected.
  payload.on('end', () => end(isCutOff(payload) ? tooLate() : null))
  payload.on('error', () => {
    end(new QuorateError('bad_request', 'The connection ended before the body was complete.'))
  })
}

function tooLate(): QuorateError {
  return new QuorateError('request_timeout', 'The body came too late.')
}

export function tooLarge(bytes: string, limitBytes: number): QuorateError {
  return new QuorateError(
    'value_too_large',
    `The body has ${bytes} bytes; at most ${limitBytes} bytes are allowed here.`,
  )
}
