/**
 * Starts client reads: decides whether this node's own copy is enough (own-read.ts), or the owners have to be asked
 * (read-run.ts).
 *
 * After its answer, a read also compares the owners that it did not need (core/replication/late-repair.ts). The rate of
 * these comparisons is bounded, so that read repair does not grow with the load: with few reads every one repairs, with
 * many reads a sample does.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { MergeMode } from '../../core/causality/stored-object.ts'
import type { CopyRules } from '../../core/replication/copy-rules.ts'
import { modeOf } from '../replica/replica.ts'
import type { RequestEnd } from '../round/request-end.ts'
import { readOwnSoon } from '../round/own-read.ts'
import { copyRules } from '../round/received-copies.ts'
import type { Copy, Version } from '../wire/object-record.ts'
import { answerFromOwnCopy } from './read-answer.ts'
import type { ReadParts } from './read-parts.ts'
import { groupsOfRead, ReadRun } from './read-run.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { ReadAnswer } from '../service/service.ts'

/** The bound on comparisons after the answer. */
const LATE_COMPARISONS_PER_SECOND = 50

export class ReadCoordinator {
  readonly #parts: ReadParts
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics }
  /** One set of rules for each merge mode. */
  readonly #rules = new Map<MergeMode, CopyRules<Copy, Version>>()
  #comparisonsLeft = LATE_COMPARISONS_PER_SECOND
  #comparisonsSinceMs = 0

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: ReadParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** Fails with a `QuorateError`. */
  read(placed: PlacedRequest, end: RequestEnd<ReadAnswer>): void {
    const { self, clock, isProven } = this.#parts
    const mayBeOwn = placed.owners.includes(self) && (placed.provenOnly !== true || isProven())
    const needsOneOwner = placed.need.r === 1 && groupsOfRead(placed).length === 1
    const ownIsEnough = needsOneOwner && mayBeOwn
    if (!ownIsEnough || this.#mayCompareLate()) {
      this.#readAll(placed, end)
      return
    }
    // Under load, a read that needs only this node's copy skips the round: it sends no message.
    readOwnSoon(this.#parts, placed.at, (copy) => {
      if (copy === undefined) this.#readAll(placed, end)
      else end.answered(answerFromOwnCopy(placed, self, copy.object, clock.nowMs()))
    })
  }

  #readAll(placed: PlacedRequest, { answered, failed }: RequestEnd<ReadAnswer>): void {
    const ports = { ...this.#ports, rules: this.#rulesOf(placed) }
    const end = { answered, failed, mayCompareLate: () => this.#mayCompareLate() }
    new ReadRun(this.#parts, ports, placed, end).start()
  }

  #rulesOf({ at }: PlacedRequest): CopyRules<Copy, Version> {
    const mode = modeOf(at.bucket)
    const known = this.#rules.get(mode)
    if (known !== undefined) return known
    const rules = copyRules(this.#ports.codec, mode)
    this.#rules.set(mode, rules)
    return rules
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
