/**
 * `GET /v1/watch/{bucket}`: the changes of a bucket as Server-Sent Events.
 *
 * Invariant: everything before the position in the id of an event was sent before the event or with it.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { entityTag } from '../../core/causality/entity-tag.ts'
import type {
  Watch,
  WatchedKey,
  WatchPosition,
  WatchRequest,
  WatchStep,
} from '../../node/service/watch.ts'
import { PREFIX } from '../buckets/bucket-endpoints.ts'
import { knownBucket } from '../buckets/bucket-routes.ts'
import type { ApiContext } from '../http/api-context.ts'
import { type ApiRequest, serve } from '../http/endpoint.ts'
import { EVENT_STREAM_HEADERS, type EventStream, type ServerEvent } from '../http/event-stream.ts'
import { checkBucketName } from '../http/kv-path.ts'
import { badParameter, quoted } from '../http/query.ts'
import { respond } from '../http/respond.ts'
import { endSpan } from '../trace/request-trace.ts'
import { decodePosition, encodePosition } from '../tokens/watch-token.ts'
import {
  EVERYTHING,
  SINCE,
  WATCH_BUCKET,
  type ChangeEvent,
  type Heartbeat,
} from './watch-endpoints.ts'

export function addWatchRoutes(app: FastifyInstance, api: ApiContext): void {
  serve(app, WATCH_BUCKET, async (request, reply, query) => {
    const bucket = checkBucketName(request.params['bucket'])
    knownBucket(api, bucket)
    const last = lastEventId(request)
    const from = fromOf(last, SINCE.read(query), bucket)
    if (request.method === 'HEAD') {
      respond(reply, 200, [...EVENT_STREAM_HEADERS], undefined)
      return
    }
    const watch = await api.service.watch({ bucket, prefix: PREFIX.read(query) ?? '', from })
    // A client that connects again may know keys that are gone by now.
    const first = last === EVERYTHING ? [RESET] : []
    await sendWatch(api, reply, watch, first, (position) => idOf(position, bucket))
  })
}

function lastEventId(request: ApiRequest): string | undefined {
  const header = request.headers['last-event-id']
  return typeof header === 'string' && header !== '' ? header : undefined
}

/** A client that connects again sends Last-Event-ID with the address of its first request, so it replaces `since`. */
function fromOf(
  last: string | undefined,
  since: string | undefined,
  bucket: string,
): WatchRequest['from'] {
  const token = last ?? since
  if (token === undefined) return 'now'
  if (token === EVERYTHING) return 'everything'
  const position = decodePosition(token, bucket)
  if (position !== undefined) return position
  const name = last === undefined ? 'since' : 'Last-Event-ID'
  throw badParameter(
    `${name}: ${quoted(token)} is not the id of an event of a watch of ${bucket}; since=${EVERYTHING} begins with every key.`,
  )
}

function idOf(position: WatchPosition, bucket: string): string {
  return position === 'everything' ? EVERYTHING : encodePosition(position, bucket)
}

async function sendWatch(
  api: ApiContext,
  reply: FastifyReply,
  watch: Watch,
  first: readonly ServerEvent[],
  idAt: (position: WatchPosition) => string,
): Promise<void> {
  const heartbeat = (): ServerEvent => heartbeatOf(watch, idAt(watch.position))
  try {
    const stream = api.streams.begin(reply, heartbeat)
    endSpan(reply.raw.req)
    stream.onceClosed(() => watch.close())
    try {
      // The heartbeat gives the client an id to continue from.
      await stream.send([heartbeat(), ...first])
      await sendSteps(stream, watch, idAt)
    } finally {
      stream.end()
    }
  } finally {
    watch.close()
  }
}

async function sendSteps(
  stream: EventStream,
  watch: Watch,
  idAt: (position: WatchPosition) => string,
): Promise<void> {
  let id = idAt(watch.position)
  while (!stream.isClosed) {
    const step = await watch.next()
    const after = 'position' in step ? idAt(step.position) : EVERYTHING
    await stream.send(eventsOf(step, id, after))
    if (step.type === 'end') return
    id = after
  }
}

/**
 * All events of a step but the last have the id from before the step. So a client that connects again in between gets
 * the whole step again.
 */
function eventsOf(step: WatchStep, before: string, after: string): readonly ServerEvent[] {
  switch (step.type) {
    case 'changes':
      return step.keys.map((key, i) => ({
        id: i === step.keys.length - 1 ? after : before,
        data: changeOf(key),
      }))
    case 'reset':
      return [RESET]
    case 'complete':
      return [{ name: 'complete', id: after, data: {} }]
    case 'end':
      return [{ name: 'end', data: { reason: step.reason } }]
    default:
      return step satisfies never
  }
}

function changeOf({ key, size, siblings, dots }: WatchedKey): ChangeEvent {
  if (siblings === 0) return { type: 'delete', key }
  return { type: 'put', key, size, siblings, etag: entityTag(dots) }
}

function heartbeatOf(watch: Watch, id: string): ServerEvent {
  const { hiddenPartitions, toldUntilMs } = watch.status()
  const data: Heartbeat = {
    complete: hiddenPartitions.length === 0,
    toldUntil: toldUntilMs === undefined ? null : new Date(toldUntilMs).toISOString(),
    ...(hiddenPartitions.length === 0 ? {} : { missingPartitions: hiddenPartitions }),
  }
  return { name: 'heartbeat', id, data }
}

const RESET: ServerEvent = {
  name: 'reset',
  id: EVERYTHING,
  data: {
    reason:
      'changes were missed: forget every key; all keys follow as they are, up to the event complete',
  },
}
