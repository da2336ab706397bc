/** The Quorate-Session header of requests and answers: which of them have one, and what seals it. */
import { randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { timestampOf } from '../../core/causality/hybrid-clock.ts'
import { EMPTY_SESSION, type Session } from '../../core/causality/session.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Founding, ReadAnswer, WriteAnswer } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import type { HeaderList } from '../http/respond.ts'
import { decodeSessionToken, encodeSessionToken } from './session-token.ts'

/** How long a first request waits for the cluster to agree on a key; most find it agreed on. */
const AGREE_TIMEOUT_MS = 2000
const SEAL_KEY_BYTES = 32
const IDENTITY_BYTES = 16

/** Whether the request goes on with a session, or begins one. */
export function isInSession(request: FastifyRequest, level: string | undefined): boolean {
  return level === 'causal' || request.raw.headers['quorate-session'] !== undefined
}

/**
 * The session of a request that is in one: that of its token, else a new one. Rejects, before anything is applied, with
 * bad_session, clock_drift, or quorum_unreachable where no key has been agreed on yet.
 */
export async function sessionOf(api: ApiContext, request: FastifyRequest): Promise<Session> {
  const token = request.raw.headers['quorate-session']
  const sealKey = api.service.topology().sessionKey ?? (await agreeOnSealKey(api))
  if (token === undefined) return EMPTY_SESSION
  const timestampMax = timestampOf(api.service.nowMs() + api.maxClockDriftMs + 1)
  return decodeSessionToken(String(token), sealKey, timestampMax)
}

export function addSession(
  api: ApiContext,
  headers: HeaderList,
  { session }: ReadAnswer | WriteAnswer,
): void {
  const { sessionKey } = api.service.topology()
  if (session === undefined || sessionKey === undefined) return
  headers.push('Quorate-Session', encodeSessionToken(session, sessionKey))
}

/** What a cluster agrees on once, drawn anew. */
export function newFounding(): Founding {
  return {
    identity: randomBytes(IDENTITY_BYTES).toString('hex'),
    sessionKey: randomBytes(SEAL_KEY_BYTES).toString('hex'),
  }
}

async function agreeOnSealKey({ service }: ApiContext): Promise<string> {
  try {
    const { sessionKey } = await service.found(newFounding(), AGREE_TIMEOUT_MS)
    return sessionKey
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code === 'not_a_member') throw error
    throw new QuorateError(
      'quorum_unreachable',
      `Sessions are sealed with a key on which a majority of the members agrees once, and it has not yet: ${error.message}`,
      { ...error.details, retryAfterSeconds: 1 },
      { cause: error },
    )
  }
}
