/** An access token as the topology document keeps it. The text that a client sends is known to that client alone. */
import type { Grant } from './grant.ts'

export interface AccessToken {
  /** Unique; `[a-z0-9][a-z0-9._-]{0,62}`. People know the token by it. */
  readonly name: string
  /** The SHA-256 hash of the text, in hex. */
  readonly hash: string
  /** At least one. */
  readonly grants: readonly Grant[]
  /** In the time of the node that made it. */
  readonly createdMs: number
  /** From then on the token is refused; null for a token that stays until it is revoked. */
  readonly expiresMs: number | null
  /** How many requests a second each node takes; undefined for the node's own limit. */
  readonly requestsPerSecond?: number
}

/**
 * The bounds of all tokens of a cluster. Every node keeps all of them, and receives them whole with each change of the
 * topology document.
 */
export const TOKENS_MAX = 256
export const TOKENS_CHARACTERS_MAX = 131_072
export const GRANTS_MAX = 16
export const PREFIX_BYTES_MAX = 512
export const REQUESTS_PER_SECOND_MAX = 1_000_000
/** Ten years. */
export const TTL_SECONDS_MAX = 315_360_000

export const TOKEN_NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/
export const TOKEN_NAME_RULE =
  '1 to 63 characters: a-z, 0-9, and after the first one also . _ and -'

export function isTokenName(text: string): boolean {
  return TOKEN_NAME_PATTERN.test(text)
}

export function isExpired({ expiresMs }: AccessToken, nowMs: number): boolean {
  return expiresMs !== null && nowMs >= expiresMs
}
