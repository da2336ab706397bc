/** Reads a request body as one JSON object, or says why it cannot. */
import type { FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { QuorateError } from '../../core/errors.ts'
import { bodyOf } from './value-body.ts'

/** The form type is the default of `curl -d`, so it counts as JSON too. */
const JSON_TYPES = ['application/json', 'application/x-www-form-urlencoded', '']
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** Members of a JSON object, not checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** `{}` for an empty body. Throws unsupported_media_type or bad_request; the message shows `example`. */
export function jsonBody(request: FastifyRequest, example: string): JsonObject {
  return jsonOf(request.headers, bodyOf(request), example)
}

/** Like `jsonBody`, of a body with these headers. */
export function jsonOf(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  example: string,
): JsonObject {
  const { 'content-type': contentType, 'content-encoding': encoding } = headers
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!JSON_TYPES.includes(type)) {
    throw new QuorateError('unsupported_media_type', `Send JSON as application/json, not ${type}.`)
  }
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new QuorateError('unsupported_media_type', 'Send JSON without a Content-Encoding.')
  }
  const data = parseJson(body)
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new QuorateError('bad_request', `The body must be a JSON object such as ${example}.`)
  }
  return data as JsonObject
}

function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch {
    throw new QuorateError('bad_request', 'The body is not JSON: it is not UTF-8.')
  }
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new QuorateError('bad_request', `The body is not JSON: ${(error as Error).message}.`)
  }
}
