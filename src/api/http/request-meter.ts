/**
 * Counts and times the requests for values, and logs those that failed. It logs failures at a bounded rate, so that a
 * cut does not fill the disk with equal lines. The node bounds how many requests are under way.
 */
import { type ErrorCode, ERRORS } from '../../core/errors.ts'
import type { Level } from '../../core/quorum/level.ts'
import { traceIdIn } from '../../core/trace/trace-context.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { MetricLabels, Metrics } from '../../ports/metrics.ts'

const FAILURE_LINES_PER_SECOND_MAX = 5

export interface MeterSettings {
  /** Whether each request gets a line of its own. */
  readonly logRequests: boolean
}

export interface EndedRequest {
  readonly op: 'get' | 'put' | 'update' | 'delete'
  /** Undefined if the request ended before its level was known. */
  readonly level: Level | undefined
  readonly code: 'ok' | ErrorCode
  readonly requestId: string
  /** The header that says to which trace the request belongs. It may be anything. */
  readonly traceparent: unknown
  readonly bucket: string
  /** The time that `begin` returned. */
  readonly startedMs: number
  readonly detail: string
}

export class RequestMeter {
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #settings: MeterSettings
  /** Each label object is made once. Their number is bounded, because their values come from closed sets. */
  readonly #labels = new Map<string, { count: MetricLabels; time: MetricLabels }>()
  #lineWindowMs = Number.NEGATIVE_INFINITY
  #lines = 0
  #suppressedLines = 0

  constructor(ports: { clock: Clock; log: Log; metrics: Metrics }, settings: MeterSettings) {
    this.#clock = ports.clock
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#settings = settings
  }

  /** The start time to pass to `end`. */
  begin(): number {
    return this.#clock.monotonicMs()
  }

  end(request: EndedRequest): void {
    const ms = this.#clock.monotonicMs() - request.startedMs
    const labels = this.#labelsOf(request)
    this.#metrics.count('requests_total', labels.count)
    this.#metrics.seconds('request_duration_seconds', ms / 1000, labels.time)
    if (request.code !== 'ok' && isFailure(request.code)) this.#logFailure(request, ms)
    else if (this.#settings.logRequests) this.#log.debug(fieldsOf(request, ms), 'request')
  }

  /** Counts a request that was refused before it began. */
  refuse(op: EndedRequest['op'], code: ErrorCode): void {
    this.#metrics.count('requests_total', { op, level: 'none', code })
  }

  #labelsOf({
    op,
    level = 'none',
    code,
  }: Pick<EndedRequest, 'op' | 'code'> & { level?: string | undefined }): {
    count: MetricLabels
    time: MetricLabels
  } {
    const name = `${op} ${level} ${code}`
    let labels = this.#labels.get(name)
    if (labels === undefined) {
      labels = { count: { op, level, code }, time: { op, level } }
      this.#labels.set(name, labels)
    }
    return labels
  }

  #logFailure(request: EndedRequest, ms: number): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#lineWindowMs >= 1000) {
      this.#lineWindowMs = nowMs
      this.#lines = 0
    }
    if (this.#lines >= FAILURE_LINES_PER_SECOND_MAX) {
      this.#suppressedLines++
      return
    }
    this.#lines++
    const suppressed = this.#suppressedLines === 0 ? {} : { suppressedLines: this.#suppressedLines }
    this.#suppressedLines = 0
    this.#log.warn(
      { ...fieldsOf(request, ms), detail: request.detail, ...suppressed },
      'request failed',
    )
  }
}

/** Whether an operator may have to act. A client's own mistakes do not count. */
function isFailure(code: ErrorCode): boolean {
  return ERRORS[code].status >= 500
}

function fieldsOf(request: EndedRequest, ms: number): Record<string, string | number | undefined> {
  const { op, level, code, requestId, traceparent, bucket } = request
  const traceId = traceIdIn(traceparent)
  return { requestId, traceId, op, bucket, level, code, ms: Math.round(ms * 10) / 10 }
}
