/**
 * One request for a value, from its check to its answer, whether it came alone or in a batch. It holds no state and
 * decides nothing about consistency.
 *
 * Invariant: a request that is refused here has had no effect anywhere.
 */
import { timestampOf } from '../../core/causality/hybrid-clock.ts'
import type { Session } from '../../core/causality/session.ts'
import type { Content } from '../../core/causality/sibling.ts'
import { EMPTY_VECTOR, type VersionVector } from '../../core/causality/version-vector.ts'
import type { Condition } from '../../core/consensus/register.ts'
import { QuorateError } from '../../core/errors.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import type {
  ReadAnswer,
  RequestOptions,
  TypeChange,
  WriteAnswer,
} from '../../node/service/service.ts'
import type { Span } from '../../ports/tracer.ts'
import type { ApiContext } from '../http/api-context.ts'
import { decodeContext, encodeContext, NOTHING_SEEN } from '../tokens/context-token.ts'
import { entityTag, parseTags, TAGS_MAX } from '../../core/causality/entity-tag.ts'
import { idempotencyKeyOf, requestFingerprint } from './idempotency-key.ts'
import { jsonOf } from '../http/json-body.ts'
import { parseKvParameters, type KvOperation, type KvParameters } from './kv-parameters.ts'
import type { KvReply } from './kv-reply.ts'
import type { KvRequest } from './kv-request.ts'
import type { KvTarget } from '../http/kv-path.ts'
import { asQuorateError } from '../http/problem.ts'
import { addContext, answerPlainRead, commonHeaders } from './read-response.ts'
import { refuseReading, refuseReadingChange, toldBlindly } from './blind-write.ts'
import type { EndedRequest } from '../http/request-meter.ts'
import type { HeaderList } from '../http/respond.ts'
import { addSession, isInSession, sessionOf } from '../tokens/session-header.ts'
import { answerTypeRead } from './type-response.ts'
import { CHANGE_EXAMPLES, parseChange } from './type-change-body.ts'
import { tooLarge } from '../http/value-body.ts'

const DEFAULT_CONTENT_TYPE = 'application/octet-stream'
const CONTENT_TYPE_CHARACTERS_MAX = 255
/** `type/subtype`, perhaps with parameters (RFC 9110, section 8.3.1). */
const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/
/** Refused, because a time does not identify one value. */
const DATE_CONDITIONS = ['if-unmodified-since', 'if-modified-since'] as const
const CONDITIONS = ['if-match', 'if-none-match', 'if-unmodified-since'] as const
const READ_CONDITIONS = ['if-match', 'if-unmodified-since'] as const
const NO_BYTES = new Uint8Array(0)

/** The facts known about a request so far, for the log and the metrics. */
type Progress = { -readonly [K in keyof EndedRequest]: EndedRequest[K] }

/** Never rejects: every request gets an answer. One asynchronous function carries it, because each promise costs time. */
export async function answerKvRequest(
  api: ApiContext,
  request: KvRequest,
  reply: KvReply,
): Promise<void> {
  const progress: Progress = {
    op: request.op,
    level: undefined,
    code: 'ok',
    requestId: request.id,
    traceparent: request.traceparent,
    bucket: '',
    startedMs: api.meter.begin(),
    detail: '',
  }
  try {
    const checked = checkedRequest(api, request, progress)
    const { bucket, parameters } = checked
    const { headers: sent } = request
    const session = isInSession(sent, progress.level) ? await sessionOf(api, sent) : undefined
    const options = optionsOf(api, request, checked, session)
    if (progress.op === 'get') {
      progress.code = answerRead(api, request, reply, checked, await api.service.get(options))
    } else {
      const written = await write(api, request, checked, options)
      const headers = commonHeaders(written, parameters, bucket)
      if (request.blindToken !== undefined) reply.empty(written.durable ? 204 : 202, headers)
      else {
        addSession(api, headers, written)
        answerWrite(reply, checked, written, headers, progress.op)
      }
    }
  } catch (thrown) {
    const error = asQuorateError(thrown)
    progress.code = error.code
    progress.detail = error.message
    if (error.code === 'internal') api.onInternalError(thrown, request.id)
    const { code, message, details } = request.blindToken === undefined ? error : toldBlindly(error)
    reply.problem(code, message, details, [])
  } finally {
    api.meter.end(progress)
    if (request.span !== undefined) tellSpan(request.span, progress)
  }
}

function tellSpan(span: Span, { level, code }: Progress): void {
  span.add({ ...(level === undefined ? {} : { 'quorate.level': level }), 'quorate.code': code })
}

interface CheckedRequest {
  readonly target: KvTarget
  readonly bucket: Bucket
  readonly parameters: KvParameters
}

function checkedRequest(api: ApiContext, request: KvRequest, progress: Progress): CheckedRequest {
  if (api.phase() === 'starting')
    throw new QuorateError('not_ready', 'This node is still starting.')
  const target = request.target()
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
    if (request.blindToken !== undefined) refuseReading(request, parameters, progress.level)
  }
  return { target, bucket, parameters }
}

function answerRead(
  api: ApiContext,
  { headers: sent }: KvRequest,
  reply: KvReply,
  { target, bucket, parameters }: CheckedRequest,
  read: ReadAnswer,
): Progress['code'] {
  const headers = commonHeaders(read, parameters, bucket)
  addSession(api, headers, read)
  const unlessTag = sent['if-none-match']
  if (isTypeMode(bucket.mode)) {
    return answerTypeRead(reply, bucket.mode, target, read, unlessTag, headers)
  }
  if (bucket.mode === 'strong') addStaleness(headers, read)
  else addContext(headers, target, read)
  return answerPlainRead(reply, target, read, parameters, unlessTag, headers)
}

function write(
  api: ApiContext,
  request: KvRequest,
  { target, bucket, parameters }: CheckedRequest,
  options: RequestOptions,
): Promise<WriteAnswer> {
  const { op } = request
  const idempotencyKey = idempotencyKeyOf(request, bucket)
  if (isTypeMode(bucket.mode) && op === 'update') {
    const change = changeOf(request, bucket.mode)
    if (request.blindToken !== undefined) refuseReadingChange(change)
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
    context: request.headers['quorate-context'],
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

function changeOf({ headers, body }: KvRequest, mode: 'counter' | 'set'): TypeChange {
  return parseChange(mode, jsonOf(headers, body, CHANGE_EXAMPLES[mode]))
}

function optionsOf(
  api: ApiContext,
  request: KvRequest,
  { target, parameters }: CheckedRequest,
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
    timeoutMs: request.timeLeftMs(timeoutMs ?? api.requestTimeoutMs),
    requestId: request.id,
    session,
    span: request.span,
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
  { headers }: KvRequest,
  bucket: Bucket,
  conditions: readonly string[],
): void {
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
function refuseContext({ headers }: KvRequest, bucket: Bucket): void {
  if (headers['quorate-context'] === undefined) return
  throw new QuorateError(
    'mode_mismatch',
    `Quorate-Context is for buckets that keep siblings; ${bucket.name} is of mode strong: ` +
      'If-Match with the ETag of what was read makes the write depend on it.',
  )
}

/** Throws bad_request. */
function conditionOf({ headers }: KvRequest): Condition | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
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

function contentOf(
  api: ApiContext,
  { headers, body }: KvRequest,
  parameters: KvParameters,
): Content {
  const { 'content-type': contentType, 'content-encoding': encoding } = headers
  if (body.byteLength > api.maxValueBytes) throw tooLarge(`${body.byteLength}`, api.maxValueBytes)
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
  if (contentType && !MEDIA_TYPE.test(contentType)) {
    throw new QuorateError('unsupported_media_type', 'The Content-Type header is not a media type.')
  }
  // If the client names no ttl, the node applies the bucket's.
  const { ttlSeconds } = parameters
  return {
    value: body,
    contentType: contentType || DEFAULT_CONTENT_TYPE,
    tombstone: false,
    expiresAtMs: ttlSeconds === undefined ? 0 : Math.floor(api.service.nowMs()) + ttlSeconds * 1000,
  }
}

function contextOf(
  api: ApiContext,
  { headers }: KvRequest,
  target: KvTarget,
): VersionVector | undefined {
  const token = headers['quorate-context']
  if (token === undefined) return undefined
  if (token === NOTHING_SEEN) return EMPTY_VECTOR
  const timestampMax = timestampOf(api.service.nowMs() + api.maxClockDriftMs + 1)
  return decodeContext(String(token), target, timestampMax)
}

function answerWrite(
  reply: KvReply,
  { target, bucket }: CheckedRequest,
  written: WriteAnswer,
  headers: HeaderList,
  op: KvOperation,
): void {
  if (!written.durable) {
    // The write is in memory only, so neither the replaced siblings nor the present ones are known yet.
    reply.empty(202, headers)
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
  reply.empty(204, headers)
}
