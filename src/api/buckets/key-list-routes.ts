/**
 * `GET /v1/keys/{bucket}`: the live keys of a bucket in byte order, a page at a time as JSON or all of them
 * as NDJSON. Where a cut hides data partitions it says so; a short list never passes for a whole one.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { setTimeout as pause } from 'node:timers/promises'
import type { ListAnswer, ListedKey, ListRequest } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import { knownBucket } from './bucket-routes.ts'
import { entityTag } from '../../core/causality/entity-tag.ts'
import { QuorateError } from '../../core/errors.ts'
import { checkBucketName, KEY_BYTES_MAX } from '../http/kv-path.ts'
import { TIMEOUT_MS_MAX } from '../../node/round/placed-request.ts'
import {
  badParameter,
  flag,
  parseQuery,
  queryOfTarget,
  wholeNumber,
  type Query,
} from '../http/query.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { respondJson } from '../http/respond.ts'
import { drained, isGone } from '../http/response-end.ts'

const KEYS_DEFAULT = 100
const KEYS_MAX = 1000
/** Streams under way: each holds a page for as long as its reader likes. */
const STREAMS_MAX = 64
/** How often a stream asks for one page where the node is too busy, and the pause before. */
const ATTEMPTS_MAX = 5
const RETRY_PAUSE_MS = 200
const NDJSON = 'application/x-ndjson'

export function addKeyListRoutes(app: FastifyInstance, api: ApiContext): void {
  let streams = 0
  app.get<{ Params: { bucket: string } }>('/v1/keys/:bucket', async (request, reply) => {
    const query = parseQuery(queryOfTarget(request.originalUrl), [
      'prefix',
      'after',
      'limit',
      'conflicted',
      'timeout',
    ])
    const bucket = checkBucketName(request.params.bucket)
    knownBucket(api, bucket)
    const timeoutMs = wholeNumber(query, 'timeout', 1, TIMEOUT_MS_MAX)
    const wanted: ListRequest = {
      bucket,
      prefix: keyText(query, 'prefix'),
      after: keyText(query, 'after'),
      limit: wholeNumber(query, 'limit', 1, KEYS_MAX) ?? KEYS_DEFAULT,
      timeoutMs: timeLeftMs(request, timeoutMs ?? api.requestTimeoutMs),
      conflicted: flag(query, 'conflicted') ?? false,
    }
    const streamed = (request.headers.accept ?? '').includes(NDJSON)
    if (!streamed) {
      const page = await api.service.list(wanted)
      const link = linkTo(page, { ...wanted, timeoutMs })
      respondJson(reply, 200, describePage(page), ['Vary', 'Accept', ...link])
      return
    }
    if (streams >= STREAMS_MAX) {
      const limit = `${STREAMS_MAX} lists of keys are being streamed`
      throw new QuorateError('overloaded', limit, { retryAfterSeconds: 1 })
    }
    streams++
    try {
      const linkOf = query.has('limit')
        ? (page: ListAnswer): string[] => linkTo(page, { ...wanted, timeoutMs })
        : undefined
      await streamKeys(api, wanted, linkOf, reply)
    } finally {
      streams--
    }
  })
}

/** The next page as a header, encoded, so that no client has to put a key into a query itself (RFC 8288). */
function linkTo({ next }: ListAnswer, wanted: ListRequest): string[] {
  if (next === undefined) return []
  const query = [
    ...(wanted.prefix === '' ? [] : [`prefix=${encodeURIComponent(wanted.prefix)}`]),
    `after=${encodeURIComponent(next)}`,
    `limit=${wanted.limit}`,
    ...(wanted.conflicted === true ? ['conflicted=true'] : []),
    ...(wanted.timeoutMs === undefined ? [] : [`timeout=${wanted.timeoutMs}`]),
  ]
  return ['Link', `</v1/keys/${wanted.bucket}?${query.join('&')}>; rel="next"`]
}

/**
 * Every key in a line of its own; the last line says whether that was all. With `linkOf` it is one page, and its link to
 * the next one is a header.
 */
async function streamKeys(
  api: ApiContext,
  wanted: ListRequest,
  linkOf: ((page: ListAnswer) => string[]) | undefined,
  reply: FastifyReply,
): Promise<void> {
  const missing = new Set<number>()
  const request: ListRequest = linkOf === undefined ? { ...wanted, limit: KEYS_MAX } : wanted
  let page = await api.service.list(request)
  const { raw } = reply
  const headers = ['Content-Type', NDJSON, 'Vary', 'Accept', 'X-Request-Id', reply.request.id]
  // Only now: a failure of the first page is still a problem with a status of its own.
  raw.writeHead(200, [...headers, ...(linkOf?.(page) ?? [])])
  reply.hijack()
  for (;;) {
    for (const partition of page.missingPartitions) missing.add(partition)
    const lines = page.keys.map((entry) => `${JSON.stringify(describeKey(entry))}\n`).join('')
    if (lines !== '' && !raw.write(lines)) await drained(raw)
    if (isGone(raw)) return
    const after = page.next
    if (after === undefined || linkOf !== undefined) break
    try {
      page = await withPatience(() => api.service.list({ ...request, after }))
    } catch (error) {
      // An end in the middle of a chunk is the one way left to say that this is not all.
      raw.destroy(error as Error)
      return
    }
  }
  const end = { next: page.next ?? null, ...completeness([...missing]) }
  raw.end(`${JSON.stringify(end)}\n`)
}

/** Asks again while the node is only busy. Rejects with the last error. */
async function withPatience<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      const isBusy = error instanceof QuorateError && error.kind.retryable
      if (!isBusy || attempt === ATTEMPTS_MAX) throw error
    }
    await pause(attempt * RETRY_PAUSE_MS)
  }
}

function describePage({ keys, next, missingPartitions }: ListAnswer): object {
  return {
    keys: keys.map(describeKey),
    next: next ?? null,
    ...completeness(missingPartitions),
  }
}

function describeKey({ key, size, siblings, dots }: ListedKey): object {
  return { key, size, siblings, etag: entityTag(dots) }
}

function completeness(missing: readonly number[]): object {
  return missing.length === 0 ? { complete: true } : { complete: false, missingPartitions: missing }
}

function keyText(query: Query, name: string): string {
  const text = query.get(name) ?? ''
  const bytes = Buffer.byteLength(text)
  if (bytes <= KEY_BYTES_MAX) return text
  throw badParameter(`${name} has ${bytes} bytes; a key has at most ${KEY_BYTES_MAX}.`)
}
