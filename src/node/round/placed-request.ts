/** One client request at its coordinator: the nodes of its key, the quorum that it needs, and each node's answer. */
import type { Level, QuorumNeed } from '../../core/quorum/level.ts'
import type { OwnerGroups } from '../../core/quorum/owner-groups.ts'
import { QuorateError, type ErrorCode, type ReplicaReport } from '../../core/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { SpanParent } from '../../ports/tracer.ts'
import { lostAnswerReport } from './lost-answer.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { reportOfUnasked } from '../peers/peer-reach.ts'
import type { NoAnswer } from '../peers/reply.ts'
import type { Location } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'

/** The longest timeout that a client may set. */
export const TIMEOUT_MS_MAX = 60_000

export interface PlacedRequest {
  readonly at: Location
  /** The owners of the key, in order of preference. */
  readonly owners: readonly string[]
  /** While the key moves: its future owners. A quorum is then needed in both groups. */
  readonly next: readonly string[] | undefined
  /**
   * The version of the placement that named these owners (topology-keeper.ts). If another placement has come into force,
   * the request must not be answered on the word of these owners.
   */
  readonly placementVersion: number
  /** The other members, in the order in which they stand in for owners. */
  readonly fallbacks: readonly string[]
  readonly level: Level
  readonly need: QuorumNeed
  /**
   * For reads: this node does not use its own copy while its data directory may be an outdated one, not even where one
   * copy is enough.
   */
  readonly provenOnly?: boolean
  /** Wall-clock time on the node's clock. */
  readonly deadlineMs: number
  readonly timeoutMs: number
  readonly requestId: string
  /** The span of the request, if it is traced. */
  readonly span?: SpanParent | undefined
}

export function groupsOf({ owners, next }: PlacedRequest): OwnerGroups {
  return next === undefined ? [owners] : [owners, next]
}

/** The report of each node about one request. The response to the client shows them, also in its trace and its error. */
export class ReplicaReports {
  readonly #clock: Clock
  readonly #startMs: number
  /** One for each node, in the order in which the nodes were first named. */
  readonly #reports: ReplicaReport[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
  }

  set(node: string, status: ReplicaReport['status'], error?: string): void {
    const ms = Math.round((this.#clock.monotonicMs() - this.#startMs) * 10) / 10
    const report = error === undefined ? { node, status, ms } : { node, status, error, ms }
    const at = this.#reports.findIndex((one) => one.node === node)
    if (at < 0) this.#reports.push(report)
    else this.#reports[at] = report
  }

  setUnasked(node: string, clock: NodeClock): void {
    const { status, error } = reportOfUnasked(node, clock)
    this.set(node, status, error)
  }

  setReply(node: string, reply: NoAnswer): void {
    switch (reply.type) {
      case 'refused':
        return this.set(node, 'refused', `${reply.code}: ${reply.message}`)
      case 'unsent':
        return this.set(node, 'unreachable')
      case 'lost': {
        const { status, error } = lostAnswerReport(reply.reason)
        return this.set(node, status, error)
      }
      default:
        return reply satisfies never
    }
  }

  /** For a node that was asked. Does nothing if it has answered. */
  setSilent(node: string, status: 'timeout' | 'pending'): void {
    if (!this.#reports.some((one) => one.node === node)) this.set(node, status)
  }

  list(): readonly ReplicaReport[] {
    return [...this.#reports]
  }
}

/** The client's error if this node refuses the request before anything is applied. */
export function rejection(refusal: Refusal): QuorateError {
  return new QuorateError(REJECTION_CODES[refusal.code] ?? 'storage_failed', refusal.message, {
    retryAfterSeconds: 1,
  })
}

const REJECTION_CODES: Readonly<Partial<Record<Refusal['code'], ErrorCode>>> = {
  storage_full: 'storage_full',
  storage_failed: 'storage_failed',
  record_corrupt: 'record_corrupt',
  overloaded: 'overloaded',
  clock_drift: 'clock_drift',
  not_ready: 'not_ready',
  too_many_siblings: 'too_many_siblings',
  unknown_bucket: 'bucket_unknown',
}

/** The error if a different request used the same idempotency key earlier. */
export function keyReused(): QuorateError {
  return new QuorateError(
    'idempotency_key_reused',
    'the Idempotency-Key was used for another request on this key; nothing was applied: send a new request under a new key',
  )
}

/** A request ends at most this long after its deadline, even if it waits for a stalled disk that gives no error. */
export const LAST_RESORT_MS = 50

/** The error of a request that did not end in time. A write may have been applied, or may be applied later. */
export function lateError(kind: 'read' | 'write', timeoutMs: number): QuorateError {
  const waited = `it did not end within ${Math.round(timeoutMs)} ms`
  return kind === 'read'
    ? new QuorateError('deadline_passed', `${waited}: the disk, or another owner, does not answer`)
    : new QuorateError('outcome_unknown', `${waited}; it may still be applied`)
}
