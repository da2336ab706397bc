/**
 * Coordinates clients' reads: the owners in reach that are expected to be fastest are asked (the whole copy
 * from the first, only the version from the others), their copies are merged, and laggards repaired.
 *
 * Owners beyond R, and reads of one copy, are compared after the answer at a bounded rate, so that the cost
 * of convergence does not follow the load: at a person's pace every read repairs, under load a sample does.
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

/** The own disk may take so long for a read before the other owners are asked. */
export const OWN_READ_MS = 75
/** Comparisons after the answer. */
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
      // Under load, a read of one copy that is here needs no message, and no bookkeeping of messages.
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
      // Not in memory, and the own disk may be slow, or stall: then the other owners are asked, too.
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
