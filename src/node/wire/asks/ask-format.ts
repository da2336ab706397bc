/**
 * This room has one format for each kind of ask. The format decides how the request and the answer become the fields
 * of a message (messages.ts), and back. No other room reads a message by index. ask-formats.ts lists all kinds.
 *
 * A field has no name on the wire, so the order of the fields is part of the protocol. A new field goes to the end: an
 * older version ignores it, and a newer version must accept a message without it.
 *
 * Comments write the fields as [request] → [answer].
 */
import type { Encodable } from '../../../ports/codec.ts'

export interface AskFormat<Request, Answer> {
  readonly kind: string
  /** Works between nodes of different epochs: it brings an old epoch up to date, or only informs. */
  readonly isAnyEpoch?: boolean
  /** Carries a client's write. If it ran twice, the write would be applied twice. */
  readonly isOnceOnly?: boolean
  /** Valid at any time, also after its deadline. */
  readonly hasNoDeadline?: boolean
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

/** A request or an answer without fields. As an answer it says that the request was done. */
export type NoFields = Readonly<Record<never, never>>
export const NO_FIELDS: NoFields = {}

/** The half of a format whose request has no fields. */
export const WITHOUT_FIELDS: Pick<AskFormat<NoFields, never>, 'encode' | 'decode'> = {
  encode: () => undefined,
  decode: () => NO_FIELDS,
}

/** The half of a format whose answer has no fields. */
export const ANSWERED_DONE: Pick<AskFormat<never, NoFields>, 'encodeAnswer' | 'decodeAnswer'> = {
  encodeAnswer: () => undefined,
  decodeAnswer: () => NO_FIELDS,
}
