/**
 * How many owners whose copies are whole have to tell what they hold before a write is acknowledged: one that replaces
 * what its client has not seen (a blind write, and every lww write) must find all that was acknowledged at quorum before,
 * and an owner whose copies are being filled stores the new, but has lost the old.
 */
import { majority } from '../../core/quorum/level.ts'
import { modeOf } from '../replica/replica.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { WriteRequest } from '../service/service.ts'
import type { PlannedUpdate } from './type-change.ts'

export interface WholeOwners {
  readonly need: number
  /** Whether this node was one when it made the copy. */
  readonly isSelf: boolean
}

export const NOT_ASKED: WholeOwners = { need: 0, isSelf: false }

/** So many that some owner of any majority is among them; 0 where nothing unseen has to be replaced. */
export function wholeNeedOf(
  { at, owners, level, need }: PlacedRequest,
  request: WriteRequest | PlannedUpdate,
): number {
  // No level below promises to replace what it has not seen. A change of a counter or a set reads first what it replaces.
  if ((level !== 'quorum' && level !== 'all') || need.sloppy || 'change' in request) return 0
  if (modeOf(at.bucket) === 'siblings' && request.context !== undefined) return 0
  const meetsEach = owners.length - majority(owners.length) + 1
  // What a lone owner has lost nobody has; and who asks for fewer copies than meet a majority is promised nothing.
  return owners.length === 1 || need.w < meetsEach ? 0 : meetsEach
}

/** How long it is believed of an owner that its copies are not whole, before it is asked once more. */
const BELIEVED_MS = 1000

/**
 * What owners have said last of their copies. A belief: it refuses a write that would be stored in vain, and never
 * counts one.
 */
export class WholeBelief {
  readonly #notWholeSinceMs = new Map<string, number>()

  learn(owner: string, isWhole: boolean, nowMs: number): void {
    if (isWhole) this.#notWholeSinceMs.delete(owner)
    else this.#notWholeSinceMs.set(owner, nowMs)
  }

  /** Whether it is worth asking. */
  mayBeWhole(owner: string, nowMs: number): boolean {
    const sinceMs = this.#notWholeSinceMs.get(owner)
    return sinceMs === undefined || nowMs - sinceMs >= BELIEVED_MS
  }
}
