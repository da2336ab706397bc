/** `PUT`, `GET` and `DELETE /v1/buckets/{bucket}`, `GET /v1/buckets`: creates, shows and deletes buckets. */
import type { FastifyInstance } from 'fastify'
import { seesBucket } from '../../core/access/grant.ts'
import { QuorateError } from '../../core/errors.ts'
import { asLabelled } from '../../core/placement/bucket-name.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { ApiContext } from '../http/api-context.ts'
import {
  BUCKET_EXAMPLE,
  CREATE_TIMEOUT,
  CREATE_TIMEOUT_MS,
  DELETE_BUCKET,
  DELETE_TIMEOUT,
  FORCE,
  GET_BUCKET,
  LIST_BUCKETS,
  PUT_BUCKET,
} from './bucket-endpoints.ts'
import { newBucket } from './bucket-request.ts'
import { serve } from '../http/endpoint.ts'
import { jsonBody } from '../http/json-body.ts'
import { checkBucketName } from '../http/kv-path.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { respond, respondJson } from '../http/respond.ts'

export function addBucketRoutes(app: FastifyInstance, api: ApiContext): void {
  serve(app, LIST_BUCKETS, (request, reply) => {
    const all = api.service.topology().buckets.map(asLabelled)
    const grants = api.gate?.callerOf(request.raw).grants
    const buckets = grants === undefined ? all : all.filter(({ name }) => seesBucket(grants, name))
    respondJson(reply, 200, { buckets: buckets.sort((a, b) => (a.name < b.name ? -1 : 1)) })
  })

  serve(app, GET_BUCKET, (request, reply) => {
    respondJson(reply, 200, knownBucket(api, checkBucketName(request.params['bucket'])))
  })

  serve(app, PUT_BUCKET, async (request, reply, query) => {
    const timeoutMs = timeLeftMs(request, CREATE_TIMEOUT.read(query) ?? CREATE_TIMEOUT_MS)
    const name = checkBucketName(request.params['bucket'])
    const body = jsonBody(request, BUCKET_EXAMPLE)
    const wanted = newBucket(name, body, api.service.topology().members.length)
    const { created, bucket } = await api.service.createBucket(wanted, timeoutMs)
    if (created) respondJson(reply, 201, bucket, ['Location', `/v1/buckets/${name}`])
    else respondJson(reply, 200, bucket)
  })

  serve(app, DELETE_BUCKET, async (request, reply, query) => {
    const isForced = FORCE.read(query) ?? false
    const timeoutMs = timeLeftMs(request, DELETE_TIMEOUT.read(query) ?? CREATE_TIMEOUT_MS)
    const name = checkBucketName(request.params['bucket'])
    await api.service.deleteBucket(name, isForced, timeoutMs)
    respond(reply, 204, [], undefined)
  })
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
