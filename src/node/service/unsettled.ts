/**
 * What one node still has under way to the owners of any key. Equal hash trees alone do not prove that a cluster has
 * converged: a write that is a hint, or in flight, may not be in any owner's tree yet.
 *
 * No safety rule reads these counts. They only keep the convergence check from answering too early.
 */

export interface Unsettled {
  /** Hints kept for owners. */
  readonly hints: number
  /** Writes for which some owner has not answered and no hint is stored. */
  readonly writes: number
  /** Keys that are being exchanged with another owner. */
  readonly exchanges: number
}

export const NOTHING_UNSETTLED: Unsettled = { hints: 0, writes: 0, exchanges: 0 }

export function isQuiescent({ hints, writes, exchanges }: Unsettled): boolean {
  return hints + writes + exchanges === 0
}

export function addUnsettled(a: Unsettled, b: Unsettled): Unsettled {
  return {
    hints: a.hints + b.hints,
    writes: a.writes + b.writes,
    exchanges: a.exchanges + b.exchanges,
  }
}
