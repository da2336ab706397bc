/** The message that goes before an ask whose request is traced (peers/ask-traces.ts). */
import { ANSWERED_DONE, type AskFormat, type NoFields } from './ask-format.ts'
import { countIn, textIn } from './fields.ts'

export interface TraceRequest {
  /** The id of the ask. */
  readonly ask: number
  /** The headers of W3C Trace Context (core/trace). */
  readonly traceparent: string
  readonly tracestate: string
}

/**
 * Says to which trace another ask of the sender belongs. No answer is expected, so a node that does not know this kind
 * ignores it. [ask, traceparent, tracestate]
 */
export const TRACE: AskFormat<TraceRequest, NoFields> = {
  kind: 'trace',
  isAnyEpoch: true,
  encode({ ask, traceparent, tracestate }, message) {
    message.push(ask, traceparent, tracestate)
  },
  decode([ask, traceparent, tracestate]) {
    return { ask: countIn(ask), traceparent: textIn(traceparent), tracestate: textIn(tracestate) }
  },
  ...ANSWERED_DONE,
}
