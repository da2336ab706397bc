/** The documents that add or revoke an access token. Pure: each is computed from the one before. */
import {
  type AccessToken,
  isExpired,
  TOKENS_CHARACTERS_MAX,
  TOKENS_MAX,
} from '../access/access-token.ts'
import { QuorateError } from '../errors.ts'
import type { Topology } from './topology.ts'

/**
 * Undefined if the document has this very token already. Tokens that have expired by `nowMs` leave the document. Throws
 * token_exists if another token has the name, or limit_reached.
 */
export function addToken(
  topology: Topology,
  token: AccessToken,
  nowMs: number,
): Topology | undefined {
  const { tokens = [] } = topology
  if (tokens.some(({ hash }) => hash === token.hash)) return undefined
  const valid = tokens.filter((other) => !isExpired(other, nowMs))
  if (valid.some(({ name }) => name === token.name)) {
    throw new QuorateError(
      'token_exists',
      `a token with the name ${token.name} exists: revoke it first, or choose another name`,
    )
  }
  const next = [...valid, token].sort((a, b) => (a.name < b.name ? -1 : 1))
  refuseTooMany(next)
  return { ...topology, epoch: topology.epoch + 1, tokens: next }
}

/** The token with that name. Throws token_unknown. */
export function tokenNamed({ tokens = [] }: Topology, name: string): AccessToken {
  const token = tokens.find((other) => other.name === name)
  if (token !== undefined) return token
  throw new QuorateError('token_unknown', `there is no token with the name ${name}`)
}

/**
 * Undefined if the token is gone. Throws change_under_way if another token has its name: the request came to a node that
 * did not know of that token, and its client may mean it.
 */
export function revokeToken(topology: Topology, { name, hash }: AccessToken): Topology | undefined {
  const { tokens = [], ...others } = topology
  const left = tokens.filter((other) => other.hash !== hash)
  if (left.some((other) => other.name === name)) {
    throw new QuorateError(
      'change_under_way',
      `the token ${name} was revoked and made again in between: it was not revoked now, retry`,
      { retryAfterSeconds: 1 },
    )
  }
  if (left.length === tokens.length) return undefined
  return {
    ...others,
    epoch: topology.epoch + 1,
    ...(left.length === 0 ? {} : { tokens: left }),
  }
}

function refuseTooMany(tokens: readonly AccessToken[]): void {
  if (tokens.length > TOKENS_MAX) {
    throw new QuorateError(
      'limit_reached',
      `a cluster may have at most ${TOKENS_MAX} tokens: revoke one that is not used any more`,
    )
  }
  if (JSON.stringify(tokens).length > TOKENS_CHARACTERS_MAX) {
    throw new QuorateError(
      'limit_reached',
      `the tokens of a cluster may take ${TOKENS_CHARACTERS_MAX} characters together: use fewer or shorter grants`,
    )
  }
}
