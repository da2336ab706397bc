/** `GET /v1/events`: the live events of this node as Server-Sent Events. */
import type { FastifyInstance } from 'fastify'
import { setTimeout as pause } from 'node:timers/promises'
import { QuorateError } from '../../core/errors.ts'
import type { ApiContext } from '../http/api-context.ts'
import { serve } from '../http/endpoint.ts'
import { EVENT_STREAM_HEADERS, type ServerEvent } from '../http/event-stream.ts'
import { respond } from '../http/respond.ts'
import { clusterEvents } from './cluster-events.ts'
import { GET_EVENTS } from './event-endpoint.ts'
import { type LiveEvent, LiveFeed } from './live-feed.ts'

const LISTENERS_MAX = 32
/** With the time that a silent member is waited for, a change is told within a second. */
const PAUSE_MS = 300

export function addEventRoutes(app: FastifyInstance, api: ApiContext): void {
  const feed = new LiveFeed({
    look: () => look(api),
    pause: () => pause(PAUSE_MS, undefined, { ref: false }),
  })

  serve(app, GET_EVENTS, (request, reply) => {
    if (request.method === 'HEAD') {
      respond(reply, 200, [...EVENT_STREAM_HEADERS], undefined)
      return
    }
    if (feed.size >= LISTENERS_MAX) {
      throw new QuorateError('overloaded', `${LISTENERS_MAX} streams of events are open here.`)
    }
    const stream = api.streams.begin(reply, () => heartbeat(api))
    feed.add(stream)
    stream.onceClosed(() => feed.remove(stream))
  })
}

async function look(api: ApiContext): Promise<readonly LiveEvent[]> {
  try {
    return await clusterEvents(api.service, api.metrics, api.openToStrangers)
  } catch (error) {
    api.onInternalError(error, 'events')
    return []
  }
}

function heartbeat({ service }: ApiContext): ServerEvent {
  return { name: 'heartbeat', data: { time: new Date(service.nowMs()).toISOString() } }
}
