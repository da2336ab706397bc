/**
 * Decides which nodes get a hint. By the time of delivery, the owner of the hint may have lost the key in a move, or
 * may have left the cluster. Then all present owners of the key get the hint. A node that leaves delivers each hint to
 * a majority of the present owners, because the owner of the hint may be away for long. It does not wait for lost
 * owners, unless all are lost: then this hint may be the only copy.
 */
import { isLostMember } from '../../core/placement/lost-members.ts'
import { majority } from '../../core/quorum/level.ts'
import { allOwners } from '../../core/quorum/owner-groups.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

export interface HintRoute {
  readonly to: readonly string[]
  /** Number of these nodes that must store the hint. */
  readonly need: number
}

export function hintRoute(
  keeper: TopologyKeeper,
  self: string,
  hint: { readonly owner: string; readonly bucket: string; readonly key: string },
): HintRoute {
  const bucket = keeper.bucket(hint.bucket)
  if (bucket === undefined) return { to: [hint.owner], need: 1 }
  const { owners, next } = keeper.place(bucket, hint.key)
  const keepers = allOwners(next === undefined ? [owners] : [owners, next])
  if (keeper.isEmptying(self)) {
    const need = majority(keepers.length)
    const left = keepers.filter((id) => !isLostMember(keeper.topology, id))
    return left.length === 0
      ? { to: keepers, need }
      : { to: left, need: Math.min(need, left.length) }
  }
  if (keepers.includes(hint.owner)) return { to: [hint.owner], need: 1 }
  return { to: keepers, need: keepers.length }
}
