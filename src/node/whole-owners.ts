/**
 * How many owners whose copies are whole have to tell what they hold before a write is acknowledged: one that replaces
 * what its client has not seen (a blind write, and every lww write) must find all that was acknowledged at quorum before,
 * and an owner whose copies are being filled stores the new, but has lost the old.
 */
import { majority } from '../core/quorum/level.ts'
import { modeOf } from './replica.ts'
import type { PlacedRequest } from './request.ts'
import type { WriteRequest } from './service.ts'
import type { PlannedUpdate } from './type-change.ts'

export interface WholeOwners {
  readonly need: number
  /** Whether this node was one when it made the copy. */
  readonly areSelf: boolean
}

export const NOT_ASKED: WholeOwners = { need: 0, areSelf: false }

/** So many that some owner of any majority is among them; 0 where nothing unseen has to be replaced. */
export function wholeNeedOf(
  { at, owners, level, need }: PlacedRequest,
  request: WriteRequest | PlannedUpdate,
): number {
  // Below quorum what is acknowledged may be nowhere near yet. A change of a counter or a set replaces what it has read.
  if ((level !== 'quorum' && level !== 'all') || need.sloppy || 'change' in request) return 0
  if (modeOf(at.bucket) === 'siblings' && request.context !== undefined) return 0
  return Math.min(need.w, owners.length - majority(owners.length) + 1)
}
