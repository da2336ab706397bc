/** What routes ask of the gate. There is none if the node takes requests without tokens. */
import type { IncomingMessage } from 'node:http'
import type { Right } from '../../core/access/grant.ts'
import type { Caller } from './caller.ts'

export interface RequestGate {
  /** Of a request that the gate has let in. */
  callerOf(request: IncomingMessage): Caller
  /**
   * The hash of the caller's token, if the request writes a key that the caller may not read. Its answer must tell
   * nothing of the key.
   */
  blindTokenOf(request: IncomingMessage): string | undefined
  /** Whether the caller of a request that was let in could be let in now. */
  isStillLetIn(request: IncomingMessage): boolean
  /** Throws unauthenticated or not_a_member if the caller of a request that was let in could not be let in now. */
  expectStillLetIn(request: IncomingMessage): void
  /**
   * A request that was let in does the work of so many more: they count for the rate of its token. Call before any of the
   * work begins. Throws rate_limited.
   */
  countMore(request: IncomingMessage, requests: number): void
  /** Throws forbidden. */
  expectRight(caller: Caller, right: Right, bucket: string, key: string): void
}

/** An operation of a batch, as the audit log tells it. */
export interface AuditedOperation {
  readonly op: string
  readonly bucket: string
  readonly key: string
}

/** What the route of batches tells the audit log. */
export interface OperationAudit {
  /** An operation of a batch was answered with the status. */
  operation(request: IncomingMessage, operation: AuditedOperation, status: number): void
  /** The whole batch is refused, because the caller lacks the right for this operation. */
  refusedFor(request: IncomingMessage, operation: AuditedOperation): void
}
