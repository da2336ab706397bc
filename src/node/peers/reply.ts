/** How one ask ends at the node that sent it. Exactly one of these. */
import type { RefusalCode } from '../wire/messages.ts'

export type Reply<Answer> = { readonly type: 'ok'; readonly answer: Answer } | NoAnswer

/** The end of an ask without an answer that counts. */
export type NoAnswer =
  /** The peer did not do it, unless the code is `failed`. */
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string }
  /** The message certainly never left this node. */
  | { readonly type: 'unsent' }
  /** The peer may have done it. */
  | { readonly type: 'lost'; readonly reason: LostReason }

export type LostReason =
  | 'deadline'
  /** The peer got it, or a duplicate of it, after the deadline. */
  | 'late'
  | 'link'
  /** The peer's clock is too far ahead, so nothing that it says counts. */
  | 'clock'
  /** The peer answered with something that cannot be decoded. */
  | 'garbled'
