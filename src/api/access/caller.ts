/** Who sends a request, as its token shows. */
import { assert } from '../../core/assert.ts'
import type { AccessToken } from '../../core/access/access-token.ts'
import type { Grant } from '../../core/access/grant.ts'

export interface Caller {
  /** The name of the token, for errors and for the audit log. */
  readonly name: string
  readonly grants: readonly Grant[]
  /** Undefined for the root token, which no topology document has. */
  readonly token: AccessToken | undefined
}

/** The hash of the caller's token. The caller is not root, whose right to read nobody takes away. */
export function tokenHashOf({ token }: Caller): string {
  assert(token !== undefined, 'the root token may read everything')
  return token.hash
}

/** The name of the root token. No other token has it. */
export const ROOT = 'root'
