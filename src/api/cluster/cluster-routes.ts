/** The routes below `/v1/cluster` that show the state of the cluster as this node sees it. */
import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../http/api-context.ts'
import { knownBucket } from '../buckets/bucket-routes.ts'
import { checkBucketName, checkKeyText } from '../http/kv-path.ts'
import { ConcurrencyLimit } from '../../node/service/concurrency-limit.ts'
import { TIMEOUT_MS_MAX } from '../../node/round/placed-request.ts'
import { respondCode } from '../http/problem.ts'
import { badParameter, parseQuery, queryOfTarget, wholeNumber } from '../http/query.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { SharedRead } from './shared-read.ts'
import { respondJson } from '../http/respond.ts'

const SYNC_TIMEOUT_MS = 30_000
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

  app.get('/v1/cluster', async (request, reply) => {
    parseQuery(queryOfTarget(request.originalUrl), [])
    const { verdict, ...rest } = await status.run()
    respondJson(reply, 200, { verdict, ...rest })
  })

  app.get('/v1/cluster/ring', async (request, reply) => {
    const query = parseQuery(queryOfTarget(request.originalUrl), ['bucket', 'key'])
    const bucket = query.get('bucket')
    const key = query.get('key')
    if (bucket === undefined || key === undefined) {
      throw badParameter('Both are needed: /v1/cluster/ring?bucket=default&key=hello')
    }
    knownBucket(api, checkBucketName(bucket))
    respondJson(reply, 200, await rings.run(() => api.service.ring(bucket, checkKeyText(key))))
  })

  app.get('/v1/cluster/convergence', async (request, reply) => {
    const bucket = parseQuery(queryOfTarget(request.originalUrl), ['bucket']).get('bucket')
    if (bucket !== undefined) knownBucket(api, checkBucketName(bucket))
    respondJson(reply, 200, await convergence.run(() => api.service.convergence(bucket)))
  })

  app.post('/v1/cluster/hints/sync', async (request, reply) => {
    const query = parseQuery(queryOfTarget(request.originalUrl), ['timeout'])
    const timeoutMs = timeLeftMs(
      request,
      wholeNumber(query, 'timeout', 1, TIMEOUT_MS_MAX) ?? SYNC_TIMEOUT_MS,
    )
    const sync = await syncs.run(() => api.service.syncHints(timeoutMs))
    if (sync.synced) {
      respondJson(reply, 200, sync)
      return
    }
    const left = Object.entries(sync.remaining).map(([owner, count]) => `${count} for ${owner}`)
    const detail = `After ${timeoutMs} ms this node still keeps hints: ${left.join(', ')}.`
    respondCode(reply, 'deadline_passed', detail, {}, [], {
      remaining: sync.remaining,
    })
  })
}
