/**
 * `GET`, `HEAD`, `PUT`, `POST` and `DELETE /v1/kv/{bucket}/{key}`: checks the request, calls the node and writes the
 * answer. It holds no state and decides nothing about consistency.
 *
 * Invariant: a request that is refused here has had no effect anywhere.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { timestampOf } from '../../core/causality/hybrid-clock.ts'
import type { Session } from '../../core/causality/session.ts'
import type { Content } from '../../core/causality/sibling.ts'
import type { VersionVector } from '../../core/causality/version-vector.ts'
import type { Condition } from '../../core/consensus/register.ts'
import { QuorateError } from '../../core/errors.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import type {
  ReadAnswer,
  RequestOptions,
  TypeChange,
  WriteAnswer,
} from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import { decodeContext, encodeContext } from '../tokens/context-token.ts'
import { entityTag, parseTags, TAGS_MAX } from '../../core/causality/entity-tag.ts'
import { idempotencyKeyOf, requestFingerprint } from './idempotency-key.ts'
import { jsonBody } from '../http/json-body.ts'
import { KV_ENDPOINTS } from './kv-endpoints.ts'
import { parseKvParameters, type KvOperation, type KvParameters } from './kv-parameters.ts'
import { parseKvTarget, type KvTarget } from '../http/kv-path.ts'
import { asQuorateError, respondProblem } from '../http/problem.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { addContext, commonHeaders, respondRead } from './read-response.ts'
import type { EndedRequest } from '../http/request-meter.ts'
import { type HeaderList, respond } from '../http/respond.ts'
import { addSession, isInSession, sessionOf } from '../tokens/session-header.ts'
import { respondTypeRead } from './type-response.ts'
import { CHANGE_EXAMPLES, parseChange } from './type-change-body.ts'
import { bodyOf } from '../http/value-body.ts'

/** The server routes every target below the prefix here. The handler reads the key from the raw target. */
export const KV_ROUTE = '/v1/kv'

const DEFAULT_CONTENT_TYPE = 'application/octet-stream'
const CONTENT_TYPE_CHARACTERS_MAX = 255
/** Refused, because a time does not identify one value. */
const DATE_CONDITIONS = ['if-unmodified-since', 'if-modified-since'] as const
const CONDITIONS = ['if-match', 'if-none-match', 'if-unmodified-since'] as const
const READ_CONDITIONS = ['if-match', 'if-unmodified-since'] as const
export const KV_OPERATIONS: Readonly<Record<string, KvOperation>> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'put',
  POST: 'update',
  DELETE: 'delete',
}
const NO_BYTES = new Uint8Array(0)

/** The facts known about a request so far, for the log and the metrics. */
type Progress = { -readonly [K in keyof EndedRequest]: EndedRequest[K] }

export function addKvRoutes(app: FastifyInstance, api: ApiContext): void {
  app.route({
    method: KV_ENDPOINTS.map(({ method }) => method),
    url: KV_ROUTE,
    config: { endpoints: KV_ENDPOINTS },
    exposeHeadRoute: false,
    bodyLimit: api.maxValueBytes,
    handler: (request, reply) => void handle(api, request, reply),
  })
}

/**
 * One asynchronous function carries a request, and Fastify does not wait for it: each further promise would cost time.
 * It never rejects.
 */
async function handle(
  api: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const progress: Progress = {
    op: KV_OPERATIONS[request.raw.method ?? ''] as KvOperation,
    level: undefined,
    code: 'ok',
    requestId: request.id,
    bucket: '',
    startedMs: api.meter.begin(),
    detail: '',
  }
  try {
    const checked = checkedRequest(api, request, progress)
    const { target, bucket, parameters } = checked
    const session = isInSession(request, progress.level) ? await sessionOf(api, request) : undefined
    const options = optionsOf(api, request, target, parameters, session)
    if (progress.op === 'get') {
      progress.code = respondGet(api, reply, checked, await api.service.get(options))
    } else {
      const written = await write(api, request, progress.op, checked, options)
      const headers = commonHeaders(written, parameters, bucket)
      addSession(api, headers, written)
      respondWrite(reply, target, written, headers, bucket, progress.op)
    }
  } catch (thrown) {
    const error = asQuorateError(thrown)
    progress.code = error.code
    progress.detail = error.message
    if (error.code === 'internal') api.onInternalError(thrown, request.id)
    respondFailure(api, reply, error)
  } finally {
    api.meter.end(progress)
  }
}

/** If even the problem cannot be written, perhaps because the head is sent, only the end of the connection can tell. */
function respondFailure(api: ApiContext, reply: FastifyReply, error: QuorateError): void {
  try {
    respondProblem(reply, error)
  } catch (failure) {
    api.onInternalError(failure, reply.request.id)
    reply.raw.destroy()
  }
}

interface CheckedRequest {
  readonly target: KvTarget
  readonly bucket: Bucket
  readonly parameters: KvParameters
}

function checkedRequest(
  api: ApiContext,
  request: FastifyRequest,
  progress: Progress,
): CheckedRequest {
  if (api.phase() !== 'running') throw new QuorateError('not_ready', 'This node is still starting.')
  const target = parseKvTarget(request.originalUrl)
  const bucket = bucketOf(api, target.bucket)
  progress.bucket = bucket.name
  refuseOtherMode(bucket, progress.op)
  const parameters = parseKvParameters(target.query, progress.op, bucket)
  progress.level = parameters.level ?? bucket.consistency
  const isStrong = bucket.mode === 'strong'
  if (progress.op === 'get') {
    refuseConditions(request, bucket, READ_CONDITIONS)
  } else {
    refuseConditions(request, bucket, isStrong ? DATE_CONDITIONS : CONDITIONS)
    if (isStrong) refuseContext(request, bucket)
  }
  return { target, bucket, parameters }
}

function respondGet(
  api: ApiContext,
  reply: FastifyReply,
  { target, bucket, parameters }: CheckedRequest,
  read: ReadAnswer,
): Progress['code'] {
  const headers = commonHeaders(read, parameters, bucket)
  addSession(api, headers, read)
  if (isTypeMode(bucket.mode)) return respondTypeRead(reply, bucket.mode, target, read, headers)
  if (bucket.mode === 'strong') addStaleness(headers, read)
  else addContext(headers, target, read)
  return respondRead(api, reply, target, read, parameters, headers)
}

function write(
  api: ApiContext,
  request: FastifyRequest,
  op: KvOperation,
  { target, bucket, parameters }: CheckedRequest,
  options: RequestOptions,
): Promise<WriteAnswer> {
  const idempotencyKey = idempotencyKeyOf(request, bucket)
  if (isTypeMode(bucket.mode) && op === 'update') {
    const change = changeOf(request, bucket.mode)
    const fingerprint =
      idempotencyKey === undefined ? undefined : requestFingerprint(op, NO_BYTES, change)
    return api.service.update({ ...options, change, idempotencyKey, fingerprint })
  }
  const content = op === 'delete' ? TOMBSTONE : contentOf(api, request, parameters)
  const context = contextOf(api, request, target)
  const condition = bucket.mode === 'strong' ? conditionOf(request) : undefined
  if (idempotencyKey === undefined) {
    return api.service.put({ ...options, content, context, condition })
  }
  const fingerprint = requestFingerprint(op, content.value, {
    contentType: content.contentType,
    ttlSeconds: parameters.ttlSeconds,
    condition,
    context: request.raw.headers['quorate-context'],
  })
  const written = { ...options, content, context, condition }
  return api.service.put({ ...written, idempotencyKey, fingerprint })
}

/** Counters and sets take updates and no plain writes; other buckets take plain writes and no updates. */
function refuseOtherMode({ name, mode }: Bucket, op: KvOperation): void {
  if (isTypeMode(mode)) {
    if (op !== 'put') return
    throw new QuorateError(
      'mode_mismatch',
      `The bucket ${name} is of mode ${mode}, which takes no plain writes: ` +
        `POST an update such as ${CHANGE_EXAMPLES[mode]}.`,
    )
  }
  if (op !== 'update') return
  throw new QuorateError(
    'mode_mismatch',
    `POST updates a counter or a set; the bucket ${name} is of mode ${mode}: use PUT.`,
  )
}

function changeOf(request: FastifyRequest, mode: 'counter' | 'set'): TypeChange {
  return parseChange(mode, jsonBody(request, CHANGE_EXAMPLES[mode]))
}

function optionsOf(
  api: ApiContext,
  request: FastifyRequest,
  target: KvTarget,
  parameters: KvParameters,
  session: Session | undefined,
): RequestOptions {
  const { level, r, w, sloppy, timeoutMs } = parameters
  return {
    bucket: target.bucket,
    key: target.key,
    level,
    r,
    w,
    sloppy,
    timeoutMs: timeLeftMs(request, timeoutMs ?? api.requestTimeoutMs),
    requestId: request.id,
    session,
  }
}

function bucketOf(api: ApiContext, name: string): Bucket {
  const bucket = api.service.bucket(name)
  if (bucket !== undefined) return bucket
  throw new QuorateError(
    'bucket_unknown',
    `There is no bucket ${name}; PUT /v1/buckets/${name} with {"mode":"siblings"} creates it.`,
  )
}

function refuseConditions(
  request: FastifyRequest,
  bucket: Bucket,
  conditions: readonly string[],
): void {
  const headers = request.raw.headers
  for (const condition of conditions) {
    if (headers[condition] === undefined) continue
    throw new QuorateError(
      'mode_mismatch',
      bucket.mode === 'strong'
        ? `The header ${condition} is not taken here: writes of the bucket ${bucket.name} take If-Match and If-None-Match.`
        : `The header ${condition} needs a write in a bucket of mode strong; ${bucket.name} is of mode ${bucket.mode}, ` +
            'where Quorate-Context says what a write replaces.',
    )
  }
}

/** A context tells which siblings a write replaces. A strong key has one value and no siblings. */
function refuseContext(request: FastifyRequest, bucket: Bucket): void {
  if (request.raw.headers['quorate-context'] === undefined) return
  throw new QuorateError(
    'mode_mismatch',
    `Quorate-Context is for buckets that keep siblings; ${bucket.name} is of mode strong: ` +
      'If-Match with the ETag of what was read makes the write depend on it.',
  )
}

/** Throws bad_request. */
function conditionOf(request: FastifyRequest): Condition | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.raw.headers
  if (match !== undefined && noneMatch !== undefined) {
    throw new QuorateError('bad_request', 'If-Match and If-None-Match exclude each other here.')
  }
  if (match !== undefined) return { type: 'match', tags: tagsOf('If-Match', match) }
  if (noneMatch === undefined) return undefined
  const tags = tagsOf('If-None-Match', noneMatch)
  // For If-None-Match a weak tag counts like a strong one (RFC 9110, section 13.1.2).
  return {
    type: 'none-match',
    tags: tags === '*' ? tags : tags.map((tag) => tag.replace(/^W\//, '')),
  }
}

function tagsOf(name: string, header: string): readonly string[] | '*' {
  const tags = parseTags(header)
  if (tags !== undefined) return tags
  throw new QuorateError(
    'bad_request',
    `${name} takes * or up to ${TAGS_MAX} entity tags in quotes, as in the ETag of an answer.`,
  )
}

function addStaleness(headers: HeaderList, { level }: ReadAnswer): void {
  // A weaker level reads what owners hold, which may be undecided or already replaced.
  if (level !== 'strong') headers.push('Quorate-Stale', 'possible')
}

const TOMBSTONE: Content = {
  value: NO_BYTES,
  contentType: '',
  tombstone: true,
  expiresAtMs: 0,
}

function contentOf(api: ApiContext, request: FastifyRequest, parameters: KvParameters): Content {
  const { 'content-type': contentType, 'content-encoding': encoding } = request.raw.headers
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new QuorateError(
      'unsupported_media_type',
      'The Content-Encoding of a value is not kept; send the value without one.',
    )
  }
  if (contentType !== undefined && contentType.length > CONTENT_TYPE_CHARACTERS_MAX) {
    throw new QuorateError(
      'unsupported_media_type',
      `The Content-Type header has ${contentType.length} characters; at most ${CONTENT_TYPE_CHARACTERS_MAX} are allowed.`,
    )
  }
  // If the client names no ttl, the node applies the bucket's.
  const { ttlSeconds } = parameters
  return {
    value: bodyOf(request),
    contentType: contentType || DEFAULT_CONTENT_TYPE,
    tombstone: false,
    expiresAtMs: ttlSeconds === undefined ? 0 : Math.floor(api.service.nowMs()) + ttlSeconds * 1000,
  }
}

function contextOf(
  api: ApiContext,
  request: FastifyRequest,
  target: KvTarget,
): VersionVector | undefined {
  const token = request.raw.headers['quorate-context']
  if (token === undefined) return undefined
  const timestampMax = timestampOf(api.service.nowMs() + api.maxClockDriftMs + 1)
  return decodeContext(String(token), target, timestampMax)
}

function respondWrite(
  reply: FastifyReply,
  target: KvTarget,
  written: WriteAnswer,
  headers: HeaderList,
  bucket: Bucket,
  op: KvOperation,
): void {
  if (!written.durable) {
    // The write is in memory only, so neither the replaced siblings nor the present ones are known yet.
    respond(reply, 202, headers, NO_BYTES)
    return
  }
  if (bucket.mode !== 'strong') {
    headers.push('Quorate-Context', encodeContext(written.context, target))
  }
  if (!isTypeMode(bucket.mode)) {
    headers.push('Quorate-Siblings', String(written.siblings.length))
  }
  if (written.siblings.length > 0) headers.push('ETag', entityTag(written.siblings))
  if (op === 'delete') headers.push('Quorate-Existed', String(written.existed))
  respond(reply, 204, headers, undefined)
}
