/** How one ask ends at the node that sent it. Exactly one of these. */
import { type Effect, effectOfRefusal } from '../wire/effect.ts'
import type { RefusalCode } from '../wire/messages.ts'

export type Reply<Answer> = { readonly type: 'ok'; readonly answer: Answer } | NoAnswer

/** The end of an ask without an answer that counts. */
export type NoAnswer =
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string }
  /** The message certainly never left this node. */
  | { readonly type: 'unsent' }
  /** The message was sent, or may have been. */
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

/** What the ask may have done at the peer. */
export function effectOf(reply: NoAnswer): Effect {
  if (reply.type === 'refused') return effectOfRefusal(reply)
  return reply.type === 'lost' ? 'unknown' : 'none'
}
