/** What every route has at hand: the node, the ports it needs, the limits. Made once by the server. */
import type { NodeService } from '../../node/service/service.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { RequestMeter } from './request-meter.ts'

export interface ApiContext {
  readonly service: NodeService
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly meter: RequestMeter
  /** Of the bodies of requests under way. */
  readonly uploads: ByteBudget
  /** Of the bodies of answers under way. */
  readonly answers: ByteBudget
  readonly maxValueBytes: number
  readonly maxClockDriftMs: number
  /** Of requests that name none. */
  readonly requestTimeoutMs: number
  /** The metrics of this process in the Prometheus text format. */
  readonly exposeMetrics: () => Promise<MetricsText>
  /** `starting` until the node has started; then `running`. */
  readonly phase: () => ApiPhase
  /** Told of errors that no catalogue entry stands for. */
  readonly onInternalError: (error: unknown, requestId: string) => void
}

export type ApiPhase = 'starting' | 'running'

export interface MetricsText {
  readonly contentType: string
  readonly text: string
}
