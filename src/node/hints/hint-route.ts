/**
 * Where a hint goes. Its owner may keep the key no more by the time it is delivered, or be no member any more: then
 * all that keep the key now get it. A node that leaves hands its hints to a majority of those, for an owner that is
 * away may stay so for long.
 */
import { majority } from '../../core/quorum/level.ts'
import { allOwners } from '../../core/quorum/owner-groups.ts'
import type { HintRoute } from './hint-delivery.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

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
    return { to: keepers, need: majority(keepers.length) }
  }
  if (keepers.includes(hint.owner)) return { to: [hint.owner], need: 1 }
  return { to: keepers, need: keepers.length }
}
