/**
 * Coordinates client reads: asks the owners that are expected to be fastest, the first for its full copy and the others
 * for their version only. It merges their copies and repairs laggards.
 *
 * After the answer, the read also compares the owners that it did not need (read-repair.ts). The rate of these
 * comparisons is bounded, so that read repair does not grow with the load: with few reads every one repairs, with many
 * reads a sample does.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Deadline } from '../peers/deadlines.ts'
import type { Copy } from '../wire/object-record.ts'
import { answerWith } from './read-answer.ts'
import type { ReadParts } from './read-parts.ts'
import { ReadRound } from './read-round.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { ReadAnswer } from '../service/service.ts'

/** If this node's disk takes longer than this for a read, the other owners are asked too. */
export const OWN_READ_MS = 75
/** The bound on comparisons after the answer. */
const LATE_COMPARISONS_PER_SECOND = 50

export class ReadCoordinator {
  readonly #parts: ReadParts
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics }
  #comparisonsLeft = LATE_COMPARISONS_PER_SECOND
  #comparisonsSinceMs = 0

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: ReadParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** Rejects with a `QuorateError`. */
  read(placed: PlacedRequest): Promise<ReadAnswer> {
    return new Promise((resolve, reject) => {
      const mayCompareLate = (): boolean => this.#mayCompareLate()
      const end = { answered: resolve, failed: reject, mayCompareLate }
      const readAll = (): void => new ReadRound(this.#parts, this.#ports, placed, end).start()
      const { self, replica, isProven } = this.#parts
      const mayBeOwn = placed.owners.includes(self) && (placed.provenOnly !== true || isProven())
      const ownIsEnough = placed.need.r === 1 && mayBeOwn
      if (!ownIsEnough || this.#mayCompareLate()) {
        readAll()
        return
      }
      // Under load, a read that needs only this node's copy skips the round: it sends no message.
      let isOver = false
      const waits: Deadline[] = []
      replica.read(placed.at, (copy) => {
        if (isOver) return
        isOver = true
        for (const wait of waits) this.#parts.deadlines.cancel(wait)
        if (copy === undefined) readAll()
        else resolve(this.#ownCopy(placed, copy))
      })
      if (isOver) return
      // The copy is not in memory, and this node's disk may be slow or stalled. After a moment the others are asked too.
      const askOthers = (): void => {
        isOver = true
        readAll()
      }
      waits.push(this.#parts.deadlines.in(OWN_READ_MS, askOthers))
    })
  }

  #ownCopy(placed: PlacedRequest, { object }: Copy): ReadAnswer {
    const { self, clock } = this.#parts
    return answerWith(object, clock.nowMs(), {
      level: placed.level,
      coordinator: self,
      quorum: { need: 1, got: 1, hinted: 0 },
      replicas: [{ node: self, status: 'ok', ms: 0 }],
    })
  }

  #mayCompareLate(): boolean {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs - this.#comparisonsSinceMs >= 1000) {
      this.#comparisonsSinceMs = nowMs
      this.#comparisonsLeft = LATE_COMPARISONS_PER_SECOND
    }
    return this.#comparisonsLeft-- > 0
  }
}
