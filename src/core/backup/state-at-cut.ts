/**
 * The state of one key at the cut of a backup, computed from the copies in the snapshots of the members. It is what a
 * read would find if all members had stopped at the cut and only their disks were left.
 *
 * Hints need care. A hint is a copy of the whole key, made when its write came. So it may also have values that all
 * owners have replaced and forgotten since. The horizon tells which ones (core/repair/horizon.ts).
 */
import type { Timestamp } from '../causality/dot.ts'
import { ABSENT, merge, type MergeMode, type StoredObject } from '../causality/stored-object.ts'
import { withoutHistory } from '../repair/horizon.ts'

/**
 * `held`: the copies of owners. `hinted`: those in hints. `horizon`: the highest of any member at the cut, because an
 * owner may have forgotten what lies below its own.
 */
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
