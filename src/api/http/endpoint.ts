/**
 * What the table of endpoints (api/endpoints.ts) says of one method of one path: its parameters, bodies, answers and
 * errors. Routes are made from it, and the document of the interface is written from it.
 *
 * Invariant: every query parameter that a route takes is in the table, because all other names are refused.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../../core/errors.ts'
import type { AccessRule } from '../access/access-rule.ts'
import type { Parameter } from './parameter.ts'
import { parseQuery, type Query, queryOfTarget } from './query.ts'
import type { Schema } from './schema.ts'

export interface Endpoint {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** With `{name}` for each parameter of `pathParameters`. */
  readonly path: string
  /** Its name in generated clients. */
  readonly id: string
  readonly tag: Tag
  /** What a request needs if the node asks for tokens. */
  readonly access: AccessRule
  /** What it does, in one line. */
  readonly summary: string
  /** What else a caller must know. */
  readonly description?: string
  readonly pathParameters?: readonly PathParameter[]
  /** Undefined: the query is ignored, because probes and scrapers add parameters of their own. */
  readonly query?: readonly Parameter[]
  readonly headers?: readonly HeaderField[]
  readonly body?: RequestBody
  readonly answers: readonly Answer[]
  /** Besides the errors of every request (`errorsOf`). */
  readonly errors: readonly ErrorCode[]
  /** Headers that a 404 may carry. */
  readonly notFoundHeaders?: readonly HeaderField[]
  /** Members that a problem of this endpoint may have besides the usual ones. */
  readonly problemMembers?: Readonly<Record<string, Schema>>
  readonly example: Example
}

export type Tag = 'values' | 'buckets' | 'access' | 'cluster' | 'health' | 'about'

export interface PathParameter {
  readonly name: string
  readonly meaning: string
  readonly schema: Schema
}

/** A header of a request or of an answer. */
export interface HeaderField {
  readonly name: string
  readonly meaning: string
  readonly schema: Schema
}

export interface RequestBody {
  readonly meaning: string
  /** Of a JSON body; undefined for bytes of any type. */
  readonly schema?: Schema
  /** Undefined: the largest value, which is a setting. */
  readonly bytesMax?: number
  /** Whether there is no sense in a request without a body. */
  readonly isRequired: boolean
}

export interface Answer {
  readonly status: number
  readonly meaning: string
  readonly headers?: readonly HeaderField[]
  /** Headers that only some of these answers carry. */
  readonly optionalHeaders?: readonly HeaderField[]
  /** By media type. No content: the answer has no body. */
  readonly content?: Readonly<Record<string, Schema>>
}

/** A request that works on a new cluster, once the examples of all endpoints with PUT were sent. */
export interface Example {
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What every request may be refused with, whatever its route. */
export const COMMON_ERRORS = [
  'bad_request',
  'request_timeout',
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'host_not_allowed',
  'expectation_failed',
  'headers_too_large',
  'overloaded',
  'internal',
] as const satisfies readonly ErrorCode[]

/** What every request with a method that may change something can be refused with besides. */
export const CHANGE_ERRORS = [
  'cross_origin',
  'partial_write',
  'unsupported_media_type',
  'value_too_large',
] as const satisfies readonly ErrorCode[]

/** What a request that changes the topology can end with. */
export const TOPOLOGY_ERRORS = [
  'not_ready',
  'not_a_member',
  'quorum_unreachable',
  'storage_full',
  'storage_failed',
  'outcome_unknown',
  'deadline_passed',
] as const satisfies readonly ErrorCode[]

/** Every error that the endpoint can answer with, each once. */
export function errorsOf({ method, errors }: Endpoint): ErrorCode[] {
  const changes = method === 'GET' || method === 'HEAD' ? [] : CHANGE_ERRORS
  return [...new Set<ErrorCode>([...errors, ...changes, ...COMMON_ERRORS])]
}

export type PathParameters = Readonly<Record<string, string>>
export type ApiRequest = FastifyRequest<{ Params: PathParameters }>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route serves. */
    endpoints?: readonly Endpoint[]
  }
}

/** Routes the endpoint's requests to `handle`. Before it runs, names that the endpoint does not list are refused. */
export function serve(
  app: FastifyInstance,
  endpoint: Endpoint,
  handle: (request: ApiRequest, reply: FastifyReply, query: Query) => unknown,
): void {
  const { method, path, query, body } = endpoint
  const names = query?.map(({ name }) => name)
  app.route<{ Params: PathParameters }>({
    method,
    url: routePattern(path),
    config: { endpoints: [endpoint] },
    ...(body?.bytesMax === undefined ? {} : { bodyLimit: body.bytesMax }),
    handler: (request, reply) => {
      if (names === undefined) return handle(request, reply, NO_QUERY)
      return handle(request, reply, parseQuery(queryOfTarget(request.originalUrl), names))
    },
  })
}

/** `/v1/buckets/{bucket}` as Fastify writes it: `/v1/buckets/:bucket`. */
function routePattern(path: string): string {
  return path.replaceAll(/\{([a-z]+)\}/g, ':$1')
}

const NO_QUERY: Query = new Map()
