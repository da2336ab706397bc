/**
 * A *whole* owner is an owner whose copies are complete: it still holds everything that it ever acknowledged. This file
 * decides how many whole owners must report what they hold before a write is acknowledged.
 *
 * A blind write and every lww write replace values that their client has not seen. So they must find every earlier write
 * that was acknowledged at quorum. An owner that is being filled after it lost its data stores the new write, but cannot
 * report the old ones.
 */
import { majority } from '../../core/quorum/level.ts'
import { modeOf } from '../replica/replica.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { PlannedRequest } from './planned-request.ts'

export interface WholeOwners {
  /** Number of whole owners that must report; 0 if none. */
  readonly need: number
  /** Whether this node was a whole owner when it made the copy. */
  readonly isSelfWhole: boolean
}

export const NOT_ASKED: WholeOwners = { need: 0, isSelfWhole: false }

/** The smallest number of owners that meets every majority; 0 if the write need not replace anything unseen. */
export function wholeNeedOf(
  { at, owners, level, need }: PlacedRequest,
  request: PlannedRequest,
): number {
  // Weaker levels do not promise to replace unseen values. A change of a counter or a set first reads what it replaces.
  if ((level !== 'quorum' && level !== 'all') || need.sloppy || 'change' in request) return 0
  if (modeOf(at.bucket) === 'siblings' && request.context !== undefined) return 0
  const meetsEach = owners.length - majority(owners.length) + 1
  // If a single owner has lost a value, no node has it. If `w` does not meet every majority, nothing is promised.
  return owners.length === 1 || need.w < meetsEach ? 0 : meetsEach
}

/** For this long an owner is believed not to be whole. Then it is asked again. */
const BELIEVED_MS = 1000

/**
 * Remembers what each owner last reported about its copies. This is a belief: it may refuse a write that could not be
 * acknowledged anyway, but it never makes a copy count.
 */
export class WholeBelief {
  readonly #notWholeSinceMs = new Map<string, number>()

  learn(owner: string, isWhole: boolean, nowMs: number): void {
    if (isWhole) this.#notWholeSinceMs.delete(owner)
    else this.#notWholeSinceMs.set(owner, nowMs)
  }

  /** Whether the owner is worth asking. */
  mayBeWhole(owner: string, nowMs: number): boolean {
    const sinceMs = this.#notWholeSinceMs.get(owner)
    return sinceMs === undefined || nowMs - sinceMs >= BELIEVED_MS
  }
}
