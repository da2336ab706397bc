/**
 * `POST /v1/batch`: several requests for values in one. Each operation is checked, carried out and counted as the single
 * request that it stands for.
 *
 * Invariant: nothing of a batch is applied if the batch as a whole is refused.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasRight } from '../../core/access/grant.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Span, SpanAttributes } from '../../ports/tracer.ts'
import { tokenHashOf } from '../access/caller.ts'
import type { ApiContext } from '../http/api-context.ts'
import { serve } from '../http/endpoint.ts'
import { jsonBody } from '../http/json-body.ts'
import { asQuorateError } from '../http/problem.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { isGone } from '../http/response-end.ts'
import { type HeaderList, respond, respondPieces } from '../http/respond.ts'
import { outcomeOf } from '../observed/request-outcome.ts'
import { answerKvRequest } from '../values/kv-exchange.ts'
import { AnswerRoom } from './answer-room.ts'
import { BATCH_TIMEOUT, RUN_BATCH } from './batch-endpoint.ts'
import { BATCH_EXAMPLE, type BatchOperation, operationsOf } from './batch-request.ts'
import { runInLanes } from './lanes.ts'
import { OperationReply } from './operation-reply.ts'
import { OperationRequest } from './operation-request.ts'

/** A larger answer is sent operation by operation. */
const WHOLE_CHARACTERS_MAX = 65_536
/** Headers that belong to one operation. To ignore them would break what the client relies on. */
const HEADERS_OF_OPERATIONS = {
  'quorate-context': 'context',
  'if-match': 'ifMatch',
  'if-none-match': 'ifNoneMatch',
} as const

export function addBatchRoutes(app: FastifyInstance, api: ApiContext): void {
  serve(app, RUN_BATCH, async (request, reply, query) => {
    const timeoutMs = timeLeftMs(request, BATCH_TIMEOUT.read(query) ?? api.requestTimeoutMs)
    refuseHeadersOfOperations(request)
    const operations = operationsOf(jsonBody(request, BATCH_EXAMPLE))
    if (operations.length > 1) api.gate?.countMore(request.raw, operations.length - 1)
    const blind = blindOperations(api, operations, request)
    await answerBatch(api, { operations, blind, timeoutMs }, request, reply)
  })
}

interface Batch {
  readonly operations: readonly BatchOperation[]
  /** The writes of keys that the caller may not read → the hash of the caller's token. */
  readonly blind: ReadonlyMap<BatchOperation, string>
  readonly timeoutMs: number
}

/**
 * The writes of keys that the caller may not read, with the hash of its token. Throws forbidden if the caller lacks the
 * right for one of the operations: the batch is then refused as a whole.
 */
function blindOperations(
  { gate, audit }: ApiContext,
  operations: readonly BatchOperation[],
  request: FastifyRequest,
): ReadonlyMap<BatchOperation, string> {
  const blind = new Map<BatchOperation, string>()
  if (gate === undefined) return blind
  const caller = gate.callerOf(request.raw)
  for (const operation of operations) {
    const { op, bucket, key } = operation
    try {
      gate.expectRight(caller, op === 'get' ? 'read' : 'write', bucket, key)
    } catch (error) {
      audit?.refusedFor(request.raw, operation)
      throw error
    }
    if (op === 'get' || hasRight(caller.grants, 'read', bucket, key)) continue
    blind.set(operation, tokenHashOf(caller))
  }
  return blind
}

async function answerBatch(
  api: ApiContext,
  { operations, blind, timeoutMs }: Batch,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const endMs = api.clock.monotonicMs() + timeoutMs
  const batchSpan = api.spanOf?.(request.raw)
  const room = new AnswerRoom(api.answers, reply.raw)
  const replies = operations.map((_, at) => new OperationReply(idOf(request, at), room))
  const given = sessionToken(request)
  let session = given
  const inSession = new Set(
    operations.filter(
      ({ bucket, consistency }) =>
        given !== undefined ||
        (consistency ?? api.service.bucket(bucket)?.consistency) === 'causal',
    ),
  )
  await runInLanes(operations, inSession, async (operation, at) => {
    // The client may have sent the rest again already, on another connection.
    if (isGone(reply.raw)) return
    const own = replies[at] as OperationReply
    if (refuseStranger(api, request, operation, own)) return
    const span = batchSpan?.child(operation.op, 'part', placeOf(api, operation))
    const asked = new OperationRequest(operation, {
      id: idOf(request, at),
      session: inSession.has(operation) ? session : undefined,
      blindToken: blind.get(operation),
      span,
      traceparent: span?.traceparent ?? request.headers['traceparent'],
      batchLeftMs: () => leftMs(endMs - api.clock.monotonicMs(), timeoutMs),
    })
    await answerKvRequest(api, asked, own)
    if (span !== undefined) endOperation(span, own.status)
    api.audit?.operation(request.raw, operation, own.status)
    session = own.session ?? session
  })
  const headers: HeaderList = ['Content-Type', 'application/json']
  const isContinued = replies.some((own) => own.session !== undefined)
  if (session !== undefined && isContinued) headers.push('Quorate-Session', session)
  respondBatch(reply, headers, replies)
}

/** Answers the operation with the refusal, if the token was revoked or has expired while the batch ran. */
function refuseStranger(
  api: ApiContext,
  { raw }: FastifyRequest,
  operation: BatchOperation,
  own: OperationReply,
): boolean {
  try {
    api.gate?.expectStillLetIn(raw)
    return false
  } catch (thrown) {
    const { code, message, details } = asQuorateError(thrown)
    own.problem(code, message, details, [])
    api.meter.refuse(operation.op, code)
    api.audit?.operation(raw, operation, own.status)
    return true
  }
}

/** As the span of a single request tells it. */
function placeOf({ service }: ApiContext, { op, bucket: name }: BatchOperation): SpanAttributes {
  const bucket = service.bucket(name)
  return {
    'http.request.method': op === 'update' ? 'POST' : op.toUpperCase(),
    ...(bucket === undefined ? {} : { 'quorate.bucket': bucket.name }),
  }
}

function endOperation(span: Span, status: number): void {
  span.add({ 'quorate.outcome': outcomeOf(status), 'http.response.status_code': status })
  span.end(status >= 500 ? { error: String(status) } : {})
}

function respondBatch(
  reply: FastifyReply,
  headers: HeaderList,
  replies: readonly OperationReply[],
): void {
  const pieces = [
    '{"transaction":false,"answers":[',
    ...replies.map(({ text }, at) => (at === 0 ? text : `,${text}`)),
    ']}\n',
  ]
  const characters = pieces.reduce((sum, { length }) => sum + length, 0)
  if (characters > WHOLE_CHARACTERS_MAX) respondPieces(reply, 200, headers, pieces)
  else respond(reply, 200, headers, Buffer.from(pieces.join('')))
}

function idOf({ id }: FastifyRequest, at: number): string {
  return `${id}/${at}`
}

function sessionToken({ headers }: FastifyRequest): string | undefined {
  const token = headers['quorate-session']
  return token === undefined ? undefined : String(token)
}

/** Throws overloaded if no time is left. */
function leftMs(left: number, timeoutMs: number): number {
  const whole = Math.floor(left)
  if (whole >= 1) return whole
  throw new QuorateError(
    'overloaded',
    `The time of this batch, ${timeoutMs} ms, was over before the turn of this operation came. Nothing of it was applied.`,
  )
}

function refuseHeadersOfOperations({ headers }: FastifyRequest): void {
  if (headers['idempotency-key'] !== undefined) {
    throw new QuorateError(
      'idempotency_unsupported',
      'A batch has no Idempotency-Key of its own: give each operation its own idempotencyKey.',
    )
  }
  for (const [header, member] of Object.entries(HEADERS_OF_OPERATIONS)) {
    if (headers[header] === undefined) continue
    throw new QuorateError(
      'bad_request',
      `The header ${header} belongs to one operation: use the member ${member} of the operation.`,
    )
  }
}
