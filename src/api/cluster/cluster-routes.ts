/** The routes below `/v1/cluster` that show the state of the cluster as this node sees it. */
import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../http/api-context.ts'
import { knownBucket } from '../buckets/bucket-routes.ts'
import {
  COMPARED_BUCKET,
  GET_CLUSTER,
  GET_CONVERGENCE,
  GET_RING,
  type ShownStatus,
  RING_BUCKET,
  RING_KEY,
  SYNC_HINTS,
  SYNC_TIMEOUT,
  SYNC_TIMEOUT_MS,
} from './cluster-endpoints.ts'
import { ConcurrencyLimit } from '../../node/service/concurrency-limit.ts'
import { serve } from '../http/endpoint.ts'
import { respondCode } from '../http/problem.ts'
import { badParameter } from '../http/query.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { SharedRead } from './shared-read.ts'
import { respondJson } from '../http/respond.ts'

/** Few at once, because each request compares the copies of the whole cluster. */
const CONVERGENCE_MAX = 4
const RINGS_MAX = 16
/** Bounded, because each request waits for hints, up to a minute. */
const SYNCS_MAX = 16

export function addClusterRoutes(app: FastifyInstance, api: ApiContext): void {
  const status = new SharedRead(() => api.service.status())
  const convergence = new ConcurrencyLimit(CONVERGENCE_MAX)
  const rings = new ConcurrencyLimit(RINGS_MAX)
  const syncs = new ConcurrencyLimit(SYNCS_MAX)

  serve(app, GET_CLUSTER, async (_request, reply) => {
    const { verdict, ...rest } = await status.run()
    const told: ShownStatus = { verdict, ...rest, openToStrangers: api.openToStrangers }
    respondJson(reply, 200, told)
  })

  serve(app, GET_RING, async (_request, reply, query) => {
    if (!query.has(RING_BUCKET.name) || !query.has(RING_KEY.name)) {
      throw badParameter(`Both are needed: ${GET_RING.example.target}`)
    }
    const bucket = RING_BUCKET.read(query) as string
    knownBucket(api, bucket)
    const key = RING_KEY.read(query) as string
    respondJson(reply, 200, await rings.run(() => api.service.ring(bucket, key)))
  })

  serve(app, GET_CONVERGENCE, async (_request, reply, query) => {
    const bucket = COMPARED_BUCKET.read(query)
    if (bucket !== undefined) knownBucket(api, bucket)
    respondJson(reply, 200, await convergence.run(() => api.service.convergence(bucket)))
  })

  serve(app, SYNC_HINTS, async (request, reply, query) => {
    const timeoutMs = timeLeftMs(request, SYNC_TIMEOUT.read(query) ?? SYNC_TIMEOUT_MS)
    const sync = await syncs.run(() => api.service.syncHints(timeoutMs))
    if (sync.synced) {
      respondJson(reply, 200, sync)
      return
    }
    const left = Object.entries(sync.remaining).map(([owner, count]) => `${count} for ${owner}`)
    const detail = `After ${timeoutMs} ms this node still keeps hints: ${left.join(', ')}.`
    respondCode(reply, 'deadline_passed', detail, {}, [], { remaining: sync.remaining })
  })
}
