/** `PUT` and `GET /v1/buckets/{bucket}`, `GET /v1/buckets`: creates buckets and shows them. */
import type { FastifyInstance } from 'fastify'
import { QuorateError } from '../../core/errors.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { ApiContext } from '../http/api-context.ts'
import { newBucket } from './bucket-request.ts'
import { jsonBody } from '../http/json-body.ts'
import { checkBucketName } from '../http/kv-path.ts'
import { TIMEOUT_MS_MAX } from '../../node/round/placed-request.ts'
import { parseQuery, queryOfTarget, wholeNumber } from '../http/query.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { respondJson } from '../http/respond.ts'

const BODY_BYTES_MAX = 16_384
const CREATE_TIMEOUT_MS = 10_000

export function addBucketRoutes(app: FastifyInstance, api: ApiContext): void {
  app.get('/v1/buckets', (request, reply) => {
    parseQuery(queryOfTarget(request.originalUrl), [])
    respondJson(reply, 200, { buckets: api.service.topology().buckets })
  })

  app.get<{ Params: { bucket: string } }>('/v1/buckets/:bucket', (request, reply) => {
    parseQuery(queryOfTarget(request.originalUrl), [])
    respondJson(reply, 200, knownBucket(api, checkBucketName(request.params.bucket)))
  })

  app.put<{ Params: { bucket: string } }>(
    '/v1/buckets/:bucket',
    { bodyLimit: BODY_BYTES_MAX },
    async (request, reply) => {
      const query = parseQuery(queryOfTarget(request.originalUrl), ['timeout'])
      const timeoutMs = timeLeftMs(
        request,
        wholeNumber(query, 'timeout', 1, TIMEOUT_MS_MAX) ?? CREATE_TIMEOUT_MS,
      )
      const name = checkBucketName(request.params.bucket)
      const wanted = newBucket(
        name,
        jsonBody(request, '{"mode":"siblings"}'),
        api.service.topology().members.length,
      )
      const { created, bucket } = await api.service.createBucket(wanted, timeoutMs)
      if (created) respondJson(reply, 201, bucket, ['Location', `/v1/buckets/${name}`])
      else respondJson(reply, 200, bucket)
    },
  )
}

/** Throws bucket_unknown. */
export function knownBucket(api: ApiContext, name: string): Bucket {
  const bucket = api.service.bucket(name)
  if (bucket !== undefined) return bucket
  throw new QuorateError(
    'bucket_unknown',
    `There is no bucket ${name}; PUT /v1/buckets/${name} with {"mode":"siblings"} creates it.`,
  )
}
