/**
 * The format of one kind of ask: how its request and its answer become the fields of a message (messages.ts), and back.
 *
 * The fields do not tell what they are, so their order is part of the protocol. A new field goes to the end: an older
 * version ignores it, and a newer version must accept a message without it.
 */
import type { Encodable } from '../../../ports/codec.ts'
import type { AskKind } from '../messages.ts'

export interface AskFormat<Request, Answer> {
  readonly kind: AskKind
  /** Appends the fields of the request to the message. */
  encode(request: Request, message: Encodable[]): void
  /** Throws on garbage. */
  decode(fields: Fields): Request
  /** Appends the fields of the answer to the message. */
  encodeAnswer(answer: Answer, message: Encodable[]): void
  /** Throws on garbage. */
  decodeAnswer(fields: Fields): Answer
}

/** The fields of a message after its head. They come from another node, so they may be anything. */
export type Fields = readonly unknown[]

/** The answer without fields: it only says that the request was done. */
export type Done = Readonly<Record<never, never>>
export const DONE: Done = {}

/** The half of a format whose answer has no fields. */
export const ANSWERED_DONE = {
  encodeAnswer(): void {},
  decodeAnswer(): Done {
    return DONE
  },
}
