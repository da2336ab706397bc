/** The objects that every route uses: the node, ports, limits. The server creates them once. */
import type { IncomingMessage } from 'node:http'
import type { NodeService } from '../../node/service/service.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics, MetricsReader } from '../../ports/metrics.ts'
import type { Span } from '../../ports/tracer.ts'
import type { OperationAudit, RequestGate } from '../access/request-gate.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { EventStreams } from './event-stream.ts'
import type { RequestMeter } from './request-meter.ts'

export interface ApiContext {
  readonly service: NodeService
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics & MetricsReader
  /** Undefined if the node takes requests without tokens. */
  readonly gate: RequestGate | undefined
  /** Undefined without an audit log. */
  readonly audit: OperationAudit | undefined
  readonly meter: RequestMeter
  /** The span of a request that is traced. Undefined if this node traces nothing. */
  readonly spanOf: ((request: IncomingMessage) => Span | undefined) | undefined
  /** Memory for the bodies of requests under way. */
  readonly uploads: ByteBudget
  /** Memory for the bodies of answers under way. */
  readonly answers: ByteBudget
  /** The streams of events that are open. */
  readonly streams: EventStreams
  /** Whether strangers may reach this node, and get answers without a token. */
  readonly openToStrangers: boolean
  readonly maxValueBytes: number
  readonly maxClockDriftMs: number
  /** The timeout of requests that name none. */
  readonly requestTimeoutMs: number
  /** The metrics of this process in the Prometheus text format. */
  readonly exposeMetrics: () => Promise<MetricsText>
  readonly phase: () => ApiPhase
  /** Called for each error that is not in the catalogue. */
  readonly onInternalError: (error: unknown, requestId: string) => void
}

export type ApiPhase =
  /** The node has not started. */
  | 'starting'
  | 'running'
  /** It still serves, but is not ready, so that no new clients come. */
  | 'draining'
  /** It finishes what it has begun, and refuses further requests. */
  | 'stopping'

export interface MetricsText {
  readonly contentType: string
  readonly text: string
}
