/** `POST` and `GET /v1/access/tokens`, `DELETE /v1/access/tokens/{name}`: makes, lists and revokes access tokens. */
import type { FastifyInstance } from 'fastify'
import { type AccessToken, isExpired } from '../../core/access/access-token.ts'
import { QuorateError } from '../../core/errors.ts'
import { hashOfText, newTokenText } from '../access/token-text.ts'
import type { ApiContext } from '../http/api-context.ts'
import { serve } from '../http/endpoint.ts'
import { jsonBody } from '../http/json-body.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { respond, respondJson } from '../http/respond.ts'
import { noteSubject } from './audit-trail.ts'
import {
  CREATE_TOKEN,
  LIST_TOKENS,
  REVOKE_TOKEN,
  TOKEN_TIMEOUT,
  TOKEN_TIMEOUT_MS,
  type TokenInfo,
  TOKENS_PATH,
} from './token-endpoints.ts'
import { checkTokenName, TOKEN_EXAMPLE, tokenRequest } from './token-request.ts'

export function addTokenRoutes(app: FastifyInstance, api: ApiContext): void {
  const { service } = api

  serve(app, CREATE_TOKEN, async (request, reply, query) => {
    const timeoutMs = timeLeftMs(request, TOKEN_TIMEOUT.read(query) ?? TOKEN_TIMEOUT_MS)
    const { name, grants, ttlSeconds, requestsPerSecond } = tokenRequest(
      jsonBody(request, TOKEN_EXAMPLE),
    )
    noteSubject(request.raw, name)
    refuseOpenNode(api)
    const text = newTokenText()
    const createdMs = Math.floor(service.nowMs())
    const expiresMs = ttlSeconds === undefined ? null : createdMs + ttlSeconds * 1000
    const token: AccessToken = {
      name,
      hash: hashOfText(text),
      grants,
      createdMs,
      expiresMs,
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    }
    await service.createToken(token, timeoutMs)
    const headers = ['Location', `${TOKENS_PATH}/${name}`, 'Cache-Control', 'no-store']
    respondJson(reply, 201, { token: text, ...infoOf(token, createdMs) }, headers)
  })

  serve(app, LIST_TOKENS, (_request, reply) => {
    refuseOpenNode(api)
    const { tokens = [] } = service.topology()
    respondJson(reply, 200, { tokens: tokens.map((token) => infoOf(token, service.nowMs())) })
  })

  serve(app, REVOKE_TOKEN, async (request, reply, query) => {
    const timeoutMs = timeLeftMs(request, TOKEN_TIMEOUT.read(query) ?? TOKEN_TIMEOUT_MS)
    const name = checkTokenName(request.params['name'])
    noteSubject(request.raw, name)
    refuseOpenNode(api)
    await service.revokeToken(name, timeoutMs)
    respond(reply, 204, [], undefined)
  })
}

/** At an open node a stranger could make a token, and keep it when the node asks for tokens later. */
function refuseOpenNode({ gate }: ApiContext): void {
  if (gate !== undefined) return
  throw new QuorateError(
    'forbidden',
    'This node takes requests without tokens, so it makes and shows none. Ask a node with QUORATE_AUTH=on.',
  )
}

function infoOf(token: AccessToken, nowMs: number): TokenInfo {
  const { name, grants, createdMs, expiresMs, requestsPerSecond = null } = token
  return {
    name,
    grants,
    createdAt: timeOf(createdMs),
    expiresAt: expiresMs === null ? null : timeOf(expiresMs),
    requestsPerSecond,
    state: isExpired(token, nowMs) ? 'expired' : 'valid',
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
