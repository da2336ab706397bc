/**
 * What one node still has under way to the owners of any key. Equal hash trees alone do not prove that a cluster has
 * converged: a write that is a hint, or in flight, may not be in any owner's tree yet.
 *
 * No safety rule reads these counts. They only keep the convergence check from answering too early.
 */
import type { Encodable } from '../../ports/codec.ts'

/** Its index in the body of the status answer between nodes (cluster-view.ts). */
export const STATUS_UNSETTLED = 2

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

export function encodeUnsettled({ hints, writes, exchanges }: Unsettled): Encodable {
  return [hints, writes, exchanges]
}

/** Decodes the counts; a node of version 2 sends none. Throws on garbage. */
export function decodeUnsettled(data: Encodable | undefined): Unsettled {
  if (data === undefined) return NOTHING_UNSETTLED
  if (!Array.isArray(data)) throw new Error('not a list of counts')
  const [hints, writes, exchanges] = data as unknown[]
  return { hints: countIn(hints), writes: countIn(writes), exchanges: countIn(exchanges) }
}

function countIn(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error('not a count')
  return value as number
}
