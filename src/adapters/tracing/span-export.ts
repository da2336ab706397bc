/**
 * Sends spans to a collector by OTLP over HTTP, in batches and in the background. No request ever waits for it or learns
 * of its failures.
 *
 * Invariant: at most QUEUE_MAX spans are kept. Spans beyond, and those that cannot be sent, are dropped and counted.
 */
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { otlpBody, type SpanSource } from './otlp-json.ts'
import type { RecordedSpan } from './recording-tracer.ts'

/** Of about 500 bytes each. */
const QUEUE_MAX = 4096
const BATCH_MAX = 512
const SEND_INTERVAL_MS = 1000
/** After a failure it waits longer each time, up to this time. */
const RETRY_MS_MAX = 30_000
const ANSWER_MS_MAX = 5000
/** Statuses after which a batch is sent again. With any other one the collector will never take it. */
const RETRYABLE: readonly number[] = [429, 502, 503, 504]

export interface Collector {
  /** The URL that takes spans. */
  readonly url: string
  /** Headers of each request. Their values may be secrets. */
  readonly headers: Readonly<Record<string, string>>
}

type Sent =
  | { readonly type: 'taken'; readonly rejected: number }
  /** The collector will not take the batch. */
  | { readonly type: 'refused'; readonly reason: string }
  /** It may take it later. */
  | { readonly type: 'failed'; readonly reason: string }

export class SpanExport {
  readonly #ports: { metrics: Metrics; log: Log }
  readonly #collector: Collector
  readonly #source: SpanSource
  readonly #queue: RecordedSpan[] = []
  #timer: NodeJS.Timeout | undefined
  /** Undefined unless a batch is under way. */
  #sending: Promise<void> | undefined
  /** In a row. */
  #failures = 0
  /** Whether the collector took the last batch. The log tells each change. */
  #isTaking = true
  #isClosed = false
  readonly #giveUp = new AbortController()

  constructor(ports: { metrics: Metrics; log: Log }, collector: Collector, source: SpanSource) {
    this.#ports = ports
    this.#collector = collector
    this.#source = source
  }

  take(span: RecordedSpan): void {
    if (this.#isClosed) this.#drop(1, NOT_SENT)
    else if (this.#queue.length >= QUEUE_MAX) this.#drop(1, QUEUE_FULL)
    else {
      this.#queue.push(span)
      this.#schedule()
    }
  }

  /** Sends the spans that are left, as far as that takes no longer than `withinMs`. Further spans are dropped. */
  async close(withinMs: number): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const end = setTimeout(() => this.#giveUp.abort(), withinMs)
    await this.#sending
    while (this.#queue.length > 0 && !this.#giveUp.signal.aborted) {
      if (!(await this.#sendBatch())) break
    }
    clearTimeout(end)
    this.#drop(this.#queue.splice(0).length, NOT_SENT)
  }

  #schedule(): void {
    if (this.#sending !== undefined || this.#isClosed) return
    // A whole batch need not wait.
    const isDue = this.#queue.length === BATCH_MAX && this.#failures === 0
    if (this.#timer !== undefined && !isDue) return
    clearTimeout(this.#timer)
    const delayMs = Math.min(RETRY_MS_MAX, SEND_INTERVAL_MS * 2 ** this.#failures)
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#sending = this.#send()
      },
      isDue ? 0 : delayMs,
    ).unref()
  }

  async #send(): Promise<void> {
    let isDone = await this.#sendBatch()
    while (isDone && this.#queue.length >= BATCH_MAX && !this.#isClosed) {
      isDone = await this.#sendBatch()
    }
    this.#sending = undefined
    if (this.#queue.length > 0) this.#schedule()
  }

  /** False if the spans are still to be sent. */
  async #sendBatch(): Promise<boolean> {
    const batch = this.#queue.slice(0, BATCH_MAX)
    const sent = await this.#post(batch)
    this.#tellChange(sent)
    if (sent.type === 'failed') {
      this.#failures++
      return false
    }
    this.#queue.splice(0, batch.length)
    const rejected = sent.type === 'taken' ? sent.rejected : batch.length
    this.#drop(rejected, REFUSED)
    this.#ports.metrics.count('trace_spans_sent_total', undefined, batch.length - rejected)
    this.#failures = 0
    return true
  }

  #tellChange(sent: Sent): void {
    const isTaking = sent.type === 'taken'
    if (isTaking === this.#isTaking) return
    this.#isTaking = isTaking
    const { log } = this.#ports
    if (isTaking) log.info({}, 'the collector takes spans again')
    else log.warn({ reason: sent.reason }, 'the collector takes no spans')
  }

  async #post(batch: readonly RecordedSpan[]): Promise<Sent> {
    const { url, headers } = this.#collector
    const signal = AbortSignal.any([this.#giveUp.signal, AbortSignal.timeout(ANSWER_MS_MAX)])
    let body: string
    try {
      body = otlpBody(this.#source, batch)
    } catch (error) {
      return { type: 'refused', reason: reasonOf(error) }
    }
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal,
        // Headers may be secrets, and another host must not get them.
        redirect: 'manual',
      })
      const text = await response.text()
      if (response.ok) return { type: 'taken', rejected: rejectedIn(text) }
      const reason = `status ${response.status}`
      return { type: RETRYABLE.includes(response.status) ? 'failed' : 'refused', reason }
    } catch (error) {
      return { type: 'failed', reason: reasonOf(error) }
    }
  }

  #drop(count: number, reason: { readonly reason: string }): void {
    if (count > 0) this.#ports.metrics.count('trace_spans_dropped_total', reason, count)
  }
}

/** How many spans of the batch the collector has not taken. */
function rejectedIn(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: unknown } }
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0)
    return Number.isSafeInteger(rejected) && rejected > 0 ? Math.min(rejected, BATCH_MAX) : 0
  } catch {
    return 0
  }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as Error
  const { code, message } = (cause ?? {}) as Partial<NodeJS.ErrnoException>
  return code ?? message ?? name
}

const QUEUE_FULL = { reason: 'queue_full' }
const REFUSED = { reason: 'refused' }
const NOT_SENT = { reason: 'not_sent' }
