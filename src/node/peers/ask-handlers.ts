/** How this node answers the asks of its peers: one handler for each kind of ask. */
import type { Span } from '../../ports/tracer.ts'
import type { AnswerOf, AskKind, RequestOf } from '../wire/asks/ask-formats.ts'
import type { Refusal } from '../wire/messages.ts'

/** The node that asked, and the way to answer it: call `answer` or `refuse` once, now or later. */
export interface Asker<Answer> {
  readonly node: string
  readonly deadlineMs: number
  /** The span of this node's work for the ask, if its request is traced. */
  readonly span?: Span | undefined
  /** `error`: the code, for the span, if the answer tells that the work has failed. */
  answer(answer: Answer, error?: string): void
  refuse(refusal: Refusal): void
}

export type AskHandler<Kind extends AskKind> = (
  request: RequestOf<Kind>,
  asker: Asker<AnswerOf<Kind>>,
) => void

export type AskHandlers = { readonly [Kind in AskKind]: AskHandler<Kind> }

/** The handlers of some kinds: each room answers its own. */
export type HandlersOf<Kinds extends AskKind> = Pick<AskHandlers, Kinds>
