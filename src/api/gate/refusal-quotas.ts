/**
 * The quotas of refusals that have a line in the audit log: two for each token, and two for all requests without a valid
 * one. So no token can hide the lines of another one, and too many requests hide no request without a right.
 */
import { RefusalQuota } from './refusal-quota.ts'

export interface Refused {
  /** The name of the token; null for a request without a valid one. */
  readonly token: string | null
  /** Whether it was refused because of too many requests. */
  readonly isLimited: boolean
}

interface CallerQuota {
  readonly refused: Refused
  readonly quota: RefusalQuota
}

interface Counted extends Refused {
  readonly count: number
}

/** Lines a second of each quota. */
const REFUSALS_PER_SECOND = 10
/** Two for each of 256 tokens, for root, and for no token. Beyond that, some of the tokens are no longer valid. */
const QUOTAS_MAX = 2 * 258

export class RefusalQuotas {
  readonly #byCaller = new Map<string, CallerQuota>()
  /** Counts of quotas that were forgotten. */
  #forgotten: Counted[] = []

  /** Whether the refusal has a line. If not, it is counted. `nowMs` never goes back. */
  take(refused: Refused, nowMs: number): boolean {
    const { token, isLimited } = refused
    const caller = JSON.stringify([token, isLimited])
    const known = this.#byCaller.get(caller) ?? {
      refused: { token, isLimited },
      quota: new RefusalQuota(REFUSALS_PER_SECOND),
    }
    // The first of the map is the one that was refused least lately.
    this.#byCaller.delete(caller)
    this.#byCaller.set(caller, known)
    if (this.#byCaller.size > QUOTAS_MAX) this.#forgetFirst()
    return known.quota.take(nowMs)
  }

  /** The refusals that had no line since the last call. */
  takeMore(): readonly Counted[] {
    const counted = [...this.#forgotten, ...[...this.#byCaller.values()].map(countOf)]
    this.#forgotten = []
    return counted.filter(({ count }) => count > 0)
  }

  #forgetFirst(): void {
    const [first] = this.#byCaller
    if (first === undefined) return
    const [caller, quota] = first
    this.#byCaller.delete(caller)
    const counted = countOf(quota)
    if (counted.count > 0) this.#forgotten.push(counted)
  }
}

function countOf({ refused, quota }: CallerQuota): Counted {
  return { ...refused, count: quota.takeMore() }
}
