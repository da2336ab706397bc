/** The Quorate-Session header of requests and answers: which of them have one, and which key seals it. */
import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { timestampOf } from '../../core/causality/hybrid-clock.ts'
import { EMPTY_SESSION, type Session } from '../../core/causality/session.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Founding, ReadAnswer, WriteAnswer } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import type { HeaderList } from '../http/respond.ts'
import { decodeSessionToken, encodeSessionToken } from './session-token.ts'

/** How long the first causal requests wait for the cluster to agree on a key. Later requests find it agreed. */
const AGREE_TIMEOUT_MS = 2000
const SEAL_KEY_BYTES = 32
const IDENTITY_BYTES = 16

/** Whether the request continues a session or begins one. */
export function isInSession(headers: IncomingHttpHeaders, level: string | undefined): boolean {
  return level === 'causal' || headers['quorate-session'] !== undefined
}

/**
 * The session in the request's token, or a new one if it has no token. Rejects before anything is applied, with
 * bad_session, clock_drift, or with quorum_unreachable if the cluster has not agreed on a key yet.
 */
export async function sessionOf(api: ApiContext, headers: IncomingHttpHeaders): Promise<Session> {
  const token = headers['quorate-session']
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
  headers.push('Quorate-Session', encodeSessionToken(session, sessionKey, api.gate !== undefined))
}

/** New random values for the identity and the session key, on which a cluster agrees once. */
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
      `A majority of the members has not yet agreed on the key that seals sessions: ${error.message}`,
      { ...error.details, retryAfterSeconds: 1 },
      { cause: error },
    )
  }
}
