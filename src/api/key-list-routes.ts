/**
 * `GET /v1/keys/{bucket}`: the live keys of a bucket in byte order, a page at a time as JSON or all of them
 * as NDJSON. Where a cut hides data partitions it says so; a short list never passes for a whole one.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ListAnswer, ListedKey, ListRequest } from '../node/service.ts'
import type { ApiContext } from './api-context.ts'
import { knownBucket } from './bucket-routes.ts'
import { entityTag } from '../core/causality/entity-tag.ts'
import { checkBucketName, KEY_BYTES_MAX } from './kv-path.ts'
import { TIMEOUT_MS_MAX } from './kv-parameters.ts'
import { badParameter, flag, parseQuery, queryOfTarget, wholeNumber, type Query } from './query.ts'
import { timeLeftMs } from './request-deadline.ts'
import { respondJson } from './respond.ts'
import { drained, isGone } from './response-end.ts'

const KEYS_DEFAULT = 100
const KEYS_MAX = 1000
/** Pages that one request for keys with siblings looks through; `next` goes on from there. */
const PAGES_MAX = 50
const NDJSON = 'application/x-ndjson'

export function addKeyListRoutes(app: FastifyInstance, api: ApiContext): void {
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
    const wanted: Wanted = {
      bucket,
      prefix: keyText(query, 'prefix'),
      after: keyText(query, 'after'),
      limit: wholeNumber(query, 'limit', 1, KEYS_MAX) ?? KEYS_DEFAULT,
      timeoutMs: timeLeftMs(
        request,
        wholeNumber(query, 'timeout', 1, TIMEOUT_MS_MAX) ?? api.requestTimeoutMs,
      ),
      conflicted: flag(query, 'conflicted') ?? false,
    }
    const streamed = (request.headers.accept ?? '').includes(NDJSON)
    if (streamed) await streamKeys(api, wanted, query.has('limit'), reply)
    else respondJson(reply, 200, describePage(await page(api, wanted)), ['Vary', 'Accept'])
  })
}

interface Wanted extends ListRequest {
  /** Only keys with more than one sibling. */
  readonly conflicted: boolean
}

async function page(api: ApiContext, wanted: Wanted): Promise<ListAnswer> {
  if (!wanted.conflicted) return api.service.list(wanted)
  const keys: ListedKey[] = []
  const missing = new Set<number>()
  let after: string | undefined = wanted.after
  for (let pages = 0; pages < PAGES_MAX && after !== undefined; pages++) {
    const found: ListAnswer = await api.service.list({
      ...wanted,
      after,
      limit: KEYS_MAX,
    })
    after = found.next
    for (const partition of found.missingPartitions) missing.add(partition)
    for (const entry of found.keys) {
      if (entry.siblings < 2) continue
      keys.push(entry)
      if (keys.length < wanted.limit) continue
      after = entry === found.keys.at(-1) ? found.next : entry.key
      return { keys, next: after, missingPartitions: [...missing] }
    }
  }
  return { keys, next: after, missingPartitions: [...missing] }
}

/** Every key in a line of its own, at the pace of the reader; the last line says whether that was all. */
async function streamKeys(
  api: ApiContext,
  wanted: Wanted,
  isLimited: boolean,
  reply: FastifyReply,
): Promise<void> {
  const missing = new Set<number>()
  let found = await page(api, wanted)
  const { raw } = reply
  // Only now: a failure of the first page is still a problem with a status of its own.
  raw.writeHead(200, ['Content-Type', NDJSON, 'Vary', 'Accept', 'X-Request-Id', reply.request.id])
  reply.hijack()
  for (;;) {
    for (const partition of found.missingPartitions) missing.add(partition)
    const lines = found.keys.map((entry) => `${JSON.stringify(describeKey(entry))}\n`).join('')
    if (lines !== '' && !raw.write(lines)) await drained(raw)
    if (isGone(raw)) return
    if (found.next === undefined || isLimited) break
    try {
      found = await page(api, { ...wanted, after: found.next })
    } catch (error) {
      // The status has gone out: an end in the middle of a chunk is the one way left to say that this is not all.
      raw.destroy(error as Error)
      return
    }
  }
  const end = { next: found.next ?? null, ...completeness([...missing]) }
  raw.end(`${JSON.stringify(end)}\n`)
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
