/**
 * Writes every error as `application/problem+json` (RFC 9457), from the one catalogue of errors. An error that is not a
 * QuorateError is a bug: the client sees `internal` without its text, and the log has the text.
 */
import type { FastifyError, FastifyReply } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  ERRORS,
  QuorateError,
  type ErrorCode,
  type ErrorDetails,
  type ErrorKind,
  REPLICA_STATUSES,
  type ReplicaReport,
} from '../../core/errors.ts'
import { traceIdOf } from '../trace/request-trace.ts'
import { respond, writeAnswer, type HeaderList } from './respond.ts'
import { about, BOOLEAN, choiceOf, COUNT, listOf, NUMBER, objectOf, TEXT } from './schema.ts'

export const PROBLEM_TYPE = 'application/problem+json'
export const PROBLEM_PATH = '/problems/'
const RETRY_AFTER_SECONDS = 1

interface ProblemDocument extends ErrorKind, Omit<ErrorDetails, 'retryAfterSeconds' | 'allow'> {
  readonly type: string
  readonly detail: string
  readonly code: ErrorCode
  readonly requestId: string
  readonly traceId?: string
}

const REPLICA = objectOf<ReplicaReport>(
  'ReplicaReport',
  {
    node: TEXT,
    status: choiceOf(REPLICA_STATUSES),
    error: TEXT,
    ms: about(NUMBER, 'Time from the question of the coordinator to the answer.'),
  },
  ['error'],
)

export const PROBLEM = objectOf<ProblemDocument>(
  'Problem',
  {
    type: about(TEXT, 'The path of the entry of `code`.'),
    title: TEXT,
    status: COUNT,
    detail: about(TEXT, 'What was wrong with this request, and what to do.'),
    code: about(TEXT, 'Stable: programs tell errors apart by it.'),
    outcome: about(
      choiceOf(['rejected', 'unknown']),
      '`rejected`: nothing of the request was or will be applied. `unknown`: it may have been.',
    ),
    retryable: about(BOOLEAN, 'Whether the same request, sent again, may succeed.'),
    required: about(COUNT, 'How many answers of owners were needed.'),
    received: about(COUNT, 'How many of them came.'),
    replicas: about(listOf(REPLICA), 'What each owner answered.'),
    requestId: TEXT,
    traceId: about(TEXT, 'The trace to which the request belongs, if it named one or is traced.'),
  },
  ['required', 'received', 'replicas', 'traceId'],
)

/** The body of a problem, in the order in which a person reads it. `extra` holds members that only some codes have. */
export function problemDocument(
  code: ErrorCode,
  detail: string,
  details: ErrorDetails,
  requestId: string,
  extra: object = {},
): ProblemDocument {
  const { status, title, outcome, retryable } = ERRORS[code]
  const { required, received, replicas } = details
  return {
    type: PROBLEM_PATH + code,
    title,
    status,
    detail,
    code,
    outcome,
    retryable,
    ...(required === undefined ? {} : { required }),
    ...(received === undefined ? {} : { received }),
    ...(replicas === undefined ? {} : { replicas }),
    ...extra,
    requestId,
  }
}

export function respondProblem(
  reply: FastifyReply,
  error: QuorateError,
  headers: HeaderList = [],
  extra: object = {},
): void {
  respondCode(reply, error.code, error.message, error.details, headers, extra)
}

/** Like `respondProblem` without an error object, whose stack costs more than the rest of a 404. */
export function respondCode(
  reply: FastifyReply,
  code: ErrorCode,
  detail: string,
  details: ErrorDetails = {},
  headers: HeaderList = [],
  extra: object = {},
): void {
  const { status } = ERRORS[code]
  const { id, raw } = reply.request
  const body = problemBody(code, detail, details, id, headers, { ...extra, ...traceOf(raw) })
  respond(reply, status, headers, body)
}

/** Like `respondProblem`, but below Fastify, for a request that reaches no route. */
export function answerProblem(
  response: ServerResponse,
  requestId: string,
  { code, message, details }: QuorateError,
): void {
  const headers: HeaderList = []
  const body = problemBody(code, message, details, requestId, headers, traceOf(response.req))
  writeAnswer(response, requestId, ERRORS[code].status, headers, body)
}

function traceOf(request: IncomingMessage): { readonly traceId?: string } {
  const traceId = traceIdOf(request)
  return traceId === undefined ? {} : { traceId }
}

/** The document as bytes. Adds the headers of a problem to `headers`. */
function problemBody(
  code: ErrorCode,
  detail: string,
  details: ErrorDetails,
  requestId: string,
  headers: HeaderList,
  extra?: object,
): Buffer {
  const document = problemDocument(code, detail, details, requestId, extra)
  headers.push('Content-Type', PROBLEM_TYPE)
  const retryAfter = retryAfterOf(code, details)
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter))
  if (details.allow !== undefined) headers.push('Allow', details.allow.join(', '))
  if (code === 'unauthenticated') headers.push('WWW-Authenticate', 'Bearer')
  return Buffer.from(`${JSON.stringify(document)}\n`)
}

/** After how many seconds to send the request again; undefined if the answer does not say. */
export function retryAfterOf(code: ErrorCode, details: ErrorDetails): number | undefined {
  if (ERRORS[code].status !== 503 && code !== 'rate_limited') return undefined
  return Math.ceil(details.retryAfterSeconds ?? RETRY_AFTER_SECONDS)
}

/** Turns whatever was thrown into an error of the catalogue. */
export function asQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  const { code, statusCode, message } = error as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new QuorateError(
      'unsupported_media_type',
      'The Content-Type header is not a media type.',
    )
  }
  if (code === 'FST_ERR_BAD_URL') {
    return new QuorateError('bad_request', 'The path has a broken percent-encoding.')
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new QuorateError('bad_request', message ?? 'The request could not be read.')
  }
  return new QuorateError(
    'internal',
    'This node met an error that it has no name for; its log has more under the request id.',
    {},
    { cause: error },
  )
}
