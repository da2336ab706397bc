/** The requests that add or revoke an access token in the topology document. */
import type { AccessToken } from '../../core/access/access-token.ts'
import { QuorateError } from '../../core/errors.ts'
import { addToken, revokeToken, tokenNamed } from '../../core/placement/token-steps.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { whyNoToken } from '../wire/wire-version.ts'
import type { TopologyRegister } from './topology-register.ts'

/** `mayBeOld`: the members that may speak version 2 of the protocol. */
export async function createAccessToken(
  register: TopologyRegister,
  mayBeOld: readonly string[],
  token: AccessToken,
  timeoutMs: number,
): Promise<void> {
  const reason = whyNoToken(mayBeOld)
  if (reason !== undefined) {
    throw new QuorateError('quorum_unreachable', reason, { retryAfterSeconds: 10 })
  }
  await register.change((current) => addToken(current, token, token.createdMs), timeoutMs)
}

/** Revokes the token that has this name now. */
export async function revokeAccessToken(
  register: TopologyRegister,
  clock: NodeClock,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const endMs = clock.nowMs() + timeoutMs
  const token = await register.judged((current) => tokenNamed(current, name), timeoutMs)
  const leftMs = Math.max(0, endMs - clock.nowMs())
  await register.change((current) => revokeToken(current, token), leftMs)
}
