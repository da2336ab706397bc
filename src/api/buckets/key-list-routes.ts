/**
 * `GET /v1/keys/{bucket}`: the live keys of a bucket in byte order, one page as JSON or all keys as NDJSON.
 *
 * Invariant: a list that lacks data partitions says so; it never passes for a complete list.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { setTimeout as pause } from 'node:timers/promises'
import type { ListAnswer, ListedKey, ListRequest } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import {
  AFTER,
  CONFLICTED,
  type KeyEntry,
  type KeyPage,
  KEYS_DEFAULT,
  KEYS_MAX,
  LIMIT,
  LIST_KEYS,
  LIST_TIMEOUT,
  NDJSON,
  PREFIX,
} from './bucket-endpoints.ts'
import { knownBucket } from './bucket-routes.ts'
import { entityTag } from '../../core/causality/entity-tag.ts'
import { QuorateError } from '../../core/errors.ts'
import { serve } from '../http/endpoint.ts'
import { checkBucketName } from '../http/kv-path.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { respondJson } from '../http/respond.ts'
import { boundStall, drainedInTime, isGone } from '../http/response-end.ts'

/** Bounds the streams under way, because each holds a page in memory until its reader has taken it. */
const STREAMS_MAX = 64
/** How often a stream asks for the same page while the node is too busy. */
const ATTEMPTS_MAX = 5
/** The pause after the first attempt; it grows by as much with each further attempt. */
const RETRY_PAUSE_MS = 200

export function addKeyListRoutes(app: FastifyInstance, api: ApiContext): void {
  let streams = 0
  serve(app, LIST_KEYS, async (request, reply, query) => {
    const bucket = checkBucketName(request.params['bucket'])
    knownBucket(api, bucket)
    const timeoutMs = LIST_TIMEOUT.read(query)
    const wanted: ListRequest = {
      bucket,
      prefix: PREFIX.read(query) ?? '',
      after: AFTER.read(query) ?? '',
      limit: LIMIT.read(query) ?? KEYS_DEFAULT,
      timeoutMs: timeLeftMs(request, timeoutMs ?? api.requestTimeoutMs),
      conflicted: CONFLICTED.read(query) ?? false,
      span: api.spanOf?.(request.raw),
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

/** The address of the next page as a Link header (RFC 8288). It is encoded, so that clients need not encode keys. */
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
 * Sends every key in a line of its own; the last line says whether the list is complete. With `linkOf` it sends one
 * page only, with the link to the next page in a header.
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
  // Send the status only now: if the first page fails, the answer is still a problem with its own status.
  raw.writeHead(200, [...headers, ...(linkOf?.(page) ?? [])])
  reply.hijack()
  for (;;) {
    for (const partition of page.missingPartitions) missing.add(partition)
    const lines = page.keys.map((entry) => `${JSON.stringify(describeKey(entry))}\n`).join('')
    if (lines !== '' && !raw.write(lines)) await drainedInTime(raw)
    if (isGone(raw)) return
    if (api.gate?.isStillLetIn(raw.req) === false) {
      raw.destroy()
      return
    }
    const after = page.next
    if (after === undefined || linkOf !== undefined) break
    try {
      page = await withPatience(() => api.service.list({ ...request, after }))
    } catch (error) {
      // The status is sent already, so only a broken connection can tell the client that the list is incomplete.
      raw.destroy(error as Error)
      return
    }
  }
  const end = { next: page.next ?? null, ...completeness([...missing]) }
  boundStall(raw)
  raw.end(`${JSON.stringify(end)}\n`)
}

/** Asks again while the error is retryable, up to ATTEMPTS_MAX times. Rejects with the last error. */
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

function describePage({ keys, next, missingPartitions }: ListAnswer): KeyPage {
  return {
    keys: keys.map(describeKey),
    next: next ?? null,
    ...completeness(missingPartitions),
  }
}

function describeKey({ key, size, siblings, dots }: ListedKey): KeyEntry {
  return { key, size, siblings, etag: entityTag(dots) }
}

function completeness(missing: readonly number[]): Pick<KeyPage, 'complete' | 'missingPartitions'> {
  return missing.length === 0 ? { complete: true } : { complete: false, missingPartitions: missing }
}
