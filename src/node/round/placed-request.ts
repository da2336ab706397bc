/** One client request on its way through a coordinator: where its key lives, what it needs, who answered what. */
import type { Level, QuorumNeed } from '../../core/quorum/level.ts'
import type { OwnerGroups } from '../../core/quorum/owner-groups.ts'
import { QuorateError, type ErrorCode, type ReplicaReport } from '../../core/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { lostAnswerReport } from './lost-answer.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { reportOfUnasked } from '../peers/peer-reach.ts'
import type { Reply } from '../peers/peers.ts'
import type { Location } from '../replica/replica.ts'
import type { Refusal } from '../wire/messages.ts'

/** The longest that a client may give a request. */
export const TIMEOUT_MS_MAX = 60_000

export interface PlacedRequest {
  readonly at: Location
  /** The nodes that keep the key, in order of preference. */
  readonly owners: readonly string[]
  /** While the key moves: the nodes that will keep it. What counts, counts in both groups. */
  readonly next: readonly string[] | undefined
  /** The placement that this follows from (topology-keeper.ts): where another is in force by then, no answer may be given. */
  readonly placedAt: number
  /** The other members, in the order in which they stand in. */
  readonly fallbacks: readonly string[]
  readonly level: Level
  readonly need: QuorumNeed
  /** Of a read: a directory that may be an old one is asked for nothing, not even for one copy of many. */
  readonly provenOnly?: boolean
  /** On the node clock. */
  readonly deadlineMs: number
  readonly timeoutMs: number
  readonly requestId: string
}

export function groupsOf({ owners, next }: PlacedRequest): OwnerGroups {
  return next === undefined ? [owners] : [owners, next]
}

/** What each node said, in the order in which they were asked: for the answer, the trace, the error. */
export class ReplicaReports {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #reports = new Map<string, ReplicaReport>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
  }

  set(node: string, status: ReplicaReport['status'], error?: string): void {
    const ms = Math.round((this.#clock.monotonicMs() - this.#startMs) * 10) / 10
    this.#reports.set(
      node,
      error === undefined ? { node, status, ms } : { node, status, error, ms },
    )
  }

  setUnasked(node: string, clock: NodeClock): void {
    const { status, error } = reportOfUnasked(node, clock)
    this.set(node, status, error)
  }

  setReply(node: string, reply: Exclude<Reply, { type: 'ok' }>): void {
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

  list(): readonly ReplicaReport[] {
    return [...this.#reports.values()]
  }
}

/** What a client is told when this node itself refuses before anything was applied. */
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
}

/** Under the key of an earlier request came another one. */
export function keyReused(): QuorateError {
  return new QuorateError(
    'idempotency_key_reused',
    'the Idempotency-Key was used for another request on this key; nothing was applied: send a new request under a new key',
  )
}

/** Whatever a request waits for (a disk that stalls gives no error), it ends so long after its deadline. */
export const LAST_RESORT_MS = 50

/** No answer can be given any more; a write may be, or may have been, applied. */
export function lateError(kind: 'read' | 'write', timeoutMs: number): QuorateError {
  const waited = `it did not end within ${Math.round(timeoutMs)} ms`
  return kind === 'read'
    ? new QuorateError('deadline_passed', `${waited}: the disk, or another owner, does not answer`)
    : new QuorateError('outcome_unknown', `${waited}; it may still be applied`)
}
