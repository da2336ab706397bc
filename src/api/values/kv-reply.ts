/** Where the answer to a request for a value goes: to its connection, or into the answer of its batch. */
import type { Content, Sibling } from '../../core/causality/sibling.ts'
import type { ErrorCode, ErrorDetails } from '../../core/errors.ts'
import type { HeaderList } from '../http/respond.ts'

/**
 * Exactly one method is called, once. All but `problem` may throw overloaded or value_too_large if there is no room for
 * the answer; then `problem` follows.
 */
export interface KvReply {
  /** 202: accepted in memory. 204: the write is done. 304: the values are still those that the client has. */
  empty(status: 202 | 204 | 304, headers: HeaderList): void
  value(headers: HeaderList, value: Content): void
  /** At least two, oldest first. */
  siblings(headers: HeaderList, siblings: readonly Sibling[]): void
  /** The value of a counter or a set, as JSON. */
  json(headers: HeaderList, value: string): void
  problem(code: ErrorCode, detail: string, details: ErrorDetails, headers: HeaderList): void
}
