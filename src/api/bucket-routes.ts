/** `PUT` and `GET /v1/buckets/{bucket}`, `GET /v1/buckets`: which buckets there are, and making new ones. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { QuorateError } from '../core/errors.ts'
import type { Bucket } from '../core/placement/topology.ts'
import type { ApiContext } from './api-context.ts'
import { newBucket, type BucketRequest } from './bucket-request.ts'
import { checkBucketName } from './kv-path.ts'
import { TIMEOUT_MS_MAX } from './kv-parameters.ts'
import { parseQuery, queryOfTarget, wholeNumber } from './query.ts'
import { respondJson } from './respond.ts'
import { bodyOf } from './value-body.ts'

const BODY_BYTES_MAX = 16_384
const CREATE_TIMEOUT_MS = 10_000
/** What curl's -d says where nobody said otherwise counts as JSON too. */
const JSON_TYPES = ['application/json', 'application/x-www-form-urlencoded', '']

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
      const timeoutMs = wholeNumber(query, 'timeout', 1, TIMEOUT_MS_MAX) ?? CREATE_TIMEOUT_MS
      const name = checkBucketName(request.params.bucket)
      const wanted = newBucket(name, jsonBody(request), api.service.topology().members.length)
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

function jsonBody(request: FastifyRequest): BucketRequest {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!JSON_TYPES.includes(type)) {
    throw new QuorateError('unsupported_media_type', `Send JSON as application/json, not ${type}.`)
  }
  const text = bodyOf(request).toString('utf8')
  if (text.trim() === '') return {}
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    throw new QuorateError('bad_request', `The body is not JSON: ${(error as Error).message}.`)
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new QuorateError(
      'bad_request',
      'The body must be a JSON object such as {"mode":"siblings"}.',
    )
  }
  return data as BucketRequest
}
