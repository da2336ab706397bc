/**
 * Decides which requests are recorded, and records their spans. A client decides for its own requests, by the flag of its
 * `traceparent`. A share of the other requests is chosen by chance.
 *
 * The clock and the randomness are arguments, so that a test can foresee every span.
 */
import {
  boundedTracestate,
  isSampled,
  parseTraceparent,
  RANDOM_FLAG,
  SAMPLED_FLAG,
  traceparentOf,
} from '../../core/trace/trace-context.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type {
  ChildKind,
  SentTrace,
  Span,
  SpanAttributes,
  SpanEnd,
  Tracer,
} from '../../ports/tracer.ts'

export type SpanKind = 'server' | 'client' | 'internal'

/** A span that has ended. */
export interface RecordedSpan extends SpanPlace {
  readonly name: string
  readonly kind: SpanKind
  /** Milliseconds since 1970-01-01 UTC, with fractions. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: SpanAttributes
  /** The code of the error, if the work has failed. */
  readonly error: string | undefined
}

/** Where a span belongs. */
interface SpanPlace {
  readonly traceId: string
  readonly spanId: string
  /** Undefined for the first span of a trace. */
  readonly parentId: string | undefined
  /** Another process has the parent. */
  readonly isParentRemote: boolean
  readonly flags: number
  readonly tracestate: string
}

export interface RecordingParts {
  readonly clock: Clock
  readonly random: Random
  /** The share of the requests without a `traceparent` that is recorded: 0 to 1. */
  readonly ratio: number
  readonly sink: (span: RecordedSpan) => void
}

/** An ask is the client's side of a call, whose server's side the peer records. */
const KIND_OF_CHILD: Readonly<Record<ChildKind, SpanKind>> = { ask: 'client', part: 'internal' }
const WORD = 2 ** 32

export class RecordingTracer implements Tracer {
  readonly #parts: RecordingParts

  constructor(parts: RecordingParts) {
    this.#parts = parts
  }

  begin(sent: SentTrace): Span | undefined {
    if (parseTraceparent(sent.traceparent) !== undefined) return this.join(sent, '', {})
    const { random, ratio } = this.#parts
    // Any random choice will do, because the flag tells the other nodes.
    const low = random.below(WORD)
    if (low >= ratio * WORD) return undefined
    const place = {
      traceId: newId(random, 3) + hex(low),
      spanId: newId(random, 2),
      parentId: undefined,
      isParentRemote: false,
      flags: SAMPLED_FLAG | RANDOM_FLAG,
      tracestate: '',
    }
    return this.#span(place, '', {})
  }

  join(
    { traceparent, tracestate }: SentTrace,
    name: string,
    attributes: SpanAttributes,
  ): Span | undefined {
    const context = parseTraceparent(traceparent)
    if (context === undefined || !isSampled(context)) return undefined
    const { traceId, spanId: parentId, flags } = context
    const place = {
      traceId,
      spanId: newId(this.#parts.random, 2),
      parentId,
      isParentRemote: true,
      flags,
      tracestate: boundedTracestate(tracestate),
    }
    return this.#span(place, name, attributes)
  }

  #span(place: SpanPlace, name: string, attributes: SpanAttributes): Span {
    const { clock } = this.#parts
    // The clock that can be set is read once for all spans of a request here, so that their order is true.
    const epochMs = clock.wallMs() - clock.monotonicMs()
    return new OpenSpan(this.#parts, epochMs, place, { name, kind: 'server', attributes })
  }
}

class OpenSpan implements Span {
  readonly #parts: RecordingParts
  /** The time at which the monotonic clock was 0. */
  readonly #epochMs: number
  readonly #startMs: number
  readonly #place: SpanPlace
  readonly #kind: SpanKind
  #name: string
  #attributes: SpanAttributes
  #isOver = false

  constructor(
    parts: RecordingParts,
    epochMs: number,
    place: SpanPlace,
    told: Pick<RecordedSpan, 'name' | 'kind' | 'attributes'>,
  ) {
    this.#parts = parts
    this.#epochMs = epochMs
    this.#startMs = epochMs + parts.clock.monotonicMs()
    this.#place = place
    this.#name = told.name
    this.#kind = told.kind
    this.#attributes = told.attributes
  }

  get traceparent(): string {
    return traceparentOf(this.#place)
  }

  get tracestate(): string {
    return this.#place.tracestate
  }

  child(name: string, kind: ChildKind, attributes: SpanAttributes): Span {
    const { traceId, spanId, flags, tracestate } = this.#place
    const place = {
      traceId,
      spanId: newId(this.#parts.random, 2),
      parentId: spanId,
      isParentRemote: false,
      flags,
      tracestate,
    }
    const told = { name, kind: KIND_OF_CHILD[kind], attributes }
    return new OpenSpan(this.#parts, this.#epochMs, place, told)
  }

  add(attributes: SpanAttributes): void {
    this.#attributes = { ...this.#attributes, ...attributes }
  }

  end({ name = this.#name, error }: SpanEnd = {}): void {
    // The connection of a client may end before the work for its request does.
    if (this.#isOver) return
    this.#isOver = true
    const { clock, sink } = this.#parts
    sink({
      ...this.#place,
      name,
      kind: this.#kind,
      startMs: this.#startMs,
      endMs: this.#epochMs + clock.monotonicMs(),
      attributes: this.#attributes,
      error,
    })
  }
}

/** Random hexadecimal digits, eight a word. They are not all zero, because that means no id. */
function newId(random: Random, words: number): string {
  for (;;) {
    const id = Array.from({ length: words }, () => hex(random.below(WORD))).join('')
    if (/[^0]/.test(id)) return id
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
