/** Who sends a request, as its token shows. */
import type { AccessToken } from '../../core/access/access-token.ts'
import type { Grant } from '../../core/access/grant.ts'

export interface Caller {
  /** The name of the token, for errors and for the audit log. */
  readonly name: string
  readonly grants: readonly Grant[]
  /** Undefined for the root token, which no topology document has. */
  readonly token: AccessToken | undefined
}

/** The name of the root token. No other token has it. */
export const ROOT = 'root'
