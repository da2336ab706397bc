/**
 * The state of one key at a cut, out of the copies in the snapshots. It is what a read would find if all members had
 * stopped at the cut and only their disks were left.
 *
 * Hints need care: a hint is a whole copy of its time. Beside the write that it is kept for, it may have values that
 * all owners have replaced and forgotten since. The horizon tells them (core/repair/horizon.ts).
 */
import type { Timestamp } from '../causality/dot.ts'
import { ABSENT, merge, type MergeMode, type StoredObject } from '../causality/stored-object.ts'
import { withoutHistory } from '../repair/horizon.ts'

/** `horizon`: the highest of any member at the cut, because an owner may have forgotten what lies below its own. */
export function stateAtCut(
  mode: MergeMode,
  held: readonly StoredObject[],
  hinted: readonly StoredObject[],
  horizon: Timestamp,
): StoredObject {
  const owned = held.reduce((one, other) => merge(mode, one, other), ABSENT)
  return hinted
    .map((hint) => withoutHistory(hint, owned, horizon))
    .reduce((one, other) => merge(mode, one, other), owned)
}
