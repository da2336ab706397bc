/**
 * The gate before all routes, if the node asks for tokens (QUORATE_AUTH): it finds the caller of a request, and compares
 * the caller's grants with the rule of the endpoint (api/access/access-rule.ts).
 *
 * Invariant: it decides by the request and by the topology document alone, before anything of a bucket or key is looked
 * up. So a refusal is the same whether they exist or not, and takes the same time.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { assert } from '../../core/assert.ts'
import { hasRight, hasRightToAll, type Right, seesBucket } from '../../core/access/grant.ts'
import { QuorateError } from '../../core/errors.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { wordsOfRule } from '../access/access-rule.ts'
import { type Caller, tokenHashOf } from '../access/caller.ts'
import { KnownTokens } from '../access/known-tokens.ts'
import type { RequestGate } from '../access/request-gate.ts'
import { textInHeader } from '../access/token-text.ts'
import type { ApiPhase } from '../http/api-context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { checkBucketName, parseKvTarget } from '../http/kv-path.ts'
import { parseQuery, queryOfTarget } from '../http/query.ts'
import { RequestLimits, type RequestLimitSettings } from './request-limits.ts'

export interface GateParts {
  readonly service: Pick<NodeService, 'nodeId' | 'topology' | 'nowMs'>
  readonly metrics: Metrics
  readonly phase: () => ApiPhase
  /** The hashes of the root tokens. */
  readonly rootHashes: readonly string[]
  readonly clock: Clock
  readonly limits: RequestLimitSettings
}

const UNKNOWN =
  'This node knows no such token: it has expired, it was revoked, or it never existed.'
const CALLER = Symbol('who sends the request')
const IS_BLIND = Symbol('the caller may write the key, and may not read it')
type GatedRequest = IncomingMessage & { [CALLER]?: Caller; [IS_BLIND]?: boolean }
type RoutedRequest = FastifyRequest<{ Params: Readonly<Record<string, string>> }>

export class Gate implements RequestGate {
  readonly #parts: GateParts
  readonly #tokens: KnownTokens
  readonly #limits: RequestLimits

  constructor(parts: GateParts) {
    this.#parts = parts
    this.#limits = new RequestLimits(parts.limits, parts.metrics)
    this.#tokens = new KnownTokens(parts.rootHashes)
  }

  /** Call before the routes are added. */
  guard(app: FastifyInstance): void {
    app.addHook('onRequest', (request, reply, next) => {
      try {
        this.#letIn(request as RoutedRequest, reply.raw)
        next()
      } catch (error) {
        next(error as Error)
      }
    })
    // The body may have taken a minute, in which the token was revoked.
    app.addHook('preHandler', ({ raw, routeOptions }, _reply, next) => {
      const { method } = raw
      const isGated = routeOptions.config.endpoints?.some(
        ({ access }) => access.needs !== 'nothing',
      )
      try {
        if (isGated === true && method !== 'GET' && method !== 'HEAD') this.expectStillLetIn(raw)
        next()
      } catch (error) {
        next(error as Error)
      }
    })
  }

  /**
   * The error, if a request with a body comes from a stranger. It is refused before its body is read, because no open
   * endpoint takes one.
   */
  strangerRefusal(request: IncomingMessage): QuorateError | undefined {
    const { method, headers } = request
    const isBodiless =
      (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') &&
      (headers['content-length'] ?? '0') === '0' &&
      headers['transfer-encoding'] === undefined
    if (isBodiless) return undefined
    try {
      this.#identify(request)
      return undefined
    } catch (error) {
      if (error instanceof QuorateError) return error
      throw error
    }
  }

  /** Undefined for a stranger. */
  callerNameOf(request: IncomingMessage): string | undefined {
    return (request as GatedRequest)[CALLER]?.name
  }

  callerOf(request: IncomingMessage): Caller {
    const { [CALLER]: caller } = request as GatedRequest
    assert(caller !== undefined, 'the gate has let the request in')
    return caller
  }

  blindTokenOf(request: IncomingMessage): string | undefined {
    if ((request as GatedRequest)[IS_BLIND] !== true) return undefined
    return tokenHashOf(this.callerOf(request))
  }

  expectStillLetIn(request: IncomingMessage): void {
    if (this.isStillLetIn(request)) return
    this.#expectMember()
    throw this.#refused('unauthenticated', UNKNOWN)
  }

  isStillLetIn(request: IncomingMessage): boolean {
    const { service } = this.#parts
    return this.#tokens.isValid(this.callerOf(request), service.topology(), service.nowMs())
  }

  expectRight(caller: Caller, right: Right, bucket: string, key: string): void {
    if (hasRight(caller.grants, right, bucket, key)) return
    throw this.#refused('forbidden', messageOf(caller, `${right} over the key`))
  }

  countMore(request: IncomingMessage, requests: number): void {
    this.#limits.owe(this.callerOf(request), requests, this.#parts.clock.monotonicMs())
  }

  /**
   * Throws unauthenticated, rate_limited or forbidden. Throws bad_bucket, bad_key or bad_parameter if it cannot tell what
   * is meant.
   */
  #letIn(request: RoutedRequest, response: ServerResponse): void {
    const { endpoints = [] } = request.routeOptions.config
    const { raw } = request
    const endpoint = endpoints.find(({ method }) => method === raw.method) ?? endpoints[0]
    // There is no route. The answer says so, and says nothing else.
    if (endpoint === undefined || endpoint.access.needs === 'nothing') return
    // Identified again: since the request came, it may have waited for earlier ones of its connection.
    const caller = this.#identify(raw)
    this.#limits.admit(caller, response, this.#parts.clock.monotonicMs())
    if (this.#mayPass(caller, endpoint, request)) return
    throw this.#refused('forbidden', messageOf(caller, wordsOfRule(endpoint.access)))
  }

  #mayPass(caller: Caller, endpoint: Endpoint, request: RoutedRequest): boolean {
    const { grants } = caller
    const { needs, over } = endpoint.access
    if (needs === 'nothing' || needs === 'token') return true
    if (over === 'key') {
      const { bucket, key } = parseKvTarget(request.originalUrl)
      const raw: GatedRequest = request.raw
      if (needs === 'write') raw[IS_BLIND] = !hasRight(grants, 'read', bucket, key)
      return needs !== 'grant' && hasRight(grants, needs, bucket, key)
    }
    if (needs === 'grant') return seesBucket(grants, checkBucketName(request.params['bucket']))
    switch (over) {
      case 'bucket':
        return hasRight(grants, needs, checkBucketName(request.params['bucket']), '')
      case 'prefix':
        return hasRight(
          grants,
          needs,
          checkBucketName(request.params['bucket']),
          prefixOf(endpoint, request),
        )
      case 'everything':
        return hasRightToAll(grants, needs)
      case 'none':
      case 'operations':
        return false
      default:
        return over satisfies never
    }
  }

  /**
   * Finds the caller and keeps it. Throws unauthenticated or rate_limited, or not_ready while the node cannot know the
   * token.
   */
  #identify(request: IncomingMessage): Caller {
    const caller = this.#find(request)
    ;(request as GatedRequest)[CALLER] = caller
    return caller
  }

  #find(request: IncomingMessage): Caller {
    const text = textOf(request)
    if (text === undefined) {
      throw this.#stranger(request, 'Send a token: Authorization: Bearer TOKEN.')
    }
    const root = this.#tokens.findRoot(text)
    if (root !== undefined) return root
    const { service, phase } = this.#parts
    if (phase() === 'starting') {
      throw new QuorateError('not_ready', 'This node is still starting, and knows no tokens yet.')
    }
    const topology = service.topology()
    const caller = this.#tokens.find(text, topology, service.nowMs())
    if (caller !== undefined) return caller
    this.#expectMember()
    throw this.#stranger(request, UNKNOWN)
  }

  /** A node that was removed while it was away has got a document without tokens (node/topology/removal.ts). */
  #expectMember(): void {
    const { service } = this.#parts
    if (service.topology().members.some(({ id }) => id === service.nodeId)) return
    throw new QuorateError('not_a_member', 'This node is no longer a member, and knows no tokens.')
  }

  #stranger({ socket }: IncomingMessage, message: string): QuorateError {
    const nowMs = this.#parts.clock.monotonicMs()
    const tooMany = this.#limits.strangerRefusal(socket.remoteAddress, nowMs)
    return tooMany ?? this.#refused('unauthenticated', message)
  }

  #refused(code: 'unauthenticated' | 'forbidden', message: string): QuorateError {
    this.#parts.metrics.count('access_refusals_total', LABELS[code])
    return new QuorateError(code, message)
  }
}

const LABELS = {
  unauthenticated: { code: 'unauthenticated' },
  forbidden: { code: 'forbidden' },
} as const

function messageOf({ name }: Caller, need: string): string {
  return `The token ${name} does not give the right that this request needs: ${need}.`
}

/** Undefined also for several headers: a proxy might have checked another one of them. */
function textOf({ headers, rawHeaders }: IncomingMessage): string | undefined {
  const { authorization } = headers
  if (authorization === undefined) return undefined
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 13 && name.toLowerCase() === 'authorization') count++
  }
  return count === 1 ? textInHeader(authorization) : undefined
}

/** The keys that a list or a watch tells begin with it. Throws bad_parameter. */
function prefixOf({ query = [] }: Endpoint, request: FastifyRequest): string {
  const names = query.map(({ name }) => name)
  const prefix = query.find(({ name }) => name === 'prefix')
  assert(prefix !== undefined, 'an endpoint over a prefix has that parameter')
  const text = prefix.read(parseQuery(queryOfTarget(request.originalUrl), names))
  return typeof text === 'string' ? text : ''
}
