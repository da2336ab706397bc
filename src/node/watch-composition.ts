/** Composes the watches: this node's log of changes, and the watches of its clients. */
import { placementAt } from '../core/placement/preference-list.ts'
import type { NodeCluster } from './cluster-composition.ts'
import type { NodeCopies } from './copies-composition.ts'
import type { NodeRequests } from './request-composition.ts'
import type { NodeStorage } from './storage-composition.ts'
import { nearestFirst } from './peers/peer-reach.ts'
import { ChangeLog } from './watch/change-log.ts'
import { ChangePages } from './watch/change-pages.ts'
import { ChangedKeys } from './watch/changed-keys.ts'
import { LogReader } from './watch/log-reader.ts'
import { Watches } from './watch/watches.ts'

export interface NodeWatches {
  readonly changeLog: ChangeLog
  readonly changePages: ChangePages
  readonly watches: Watches
}

export function composeWatches(
  storage: NodeStorage,
  cluster: NodeCluster,
  copies: NodeCopies,
  { requests, pages }: NodeRequests,
  self: string,
): NodeWatches {
  const { ports, table, clock, identity } = storage
  const { keeper, members, peers, reach, gate, isProven, arrival } = cluster
  const { horizonOf, replaceVanished } = copies
  const log = new ChangeLog(ports, { self, keeper, table, clock, horizonOf, life: identity.life })
  const changePages = new ChangePages(ports, {
    log,
    table,
    clock,
    owns: (name, partition) => {
      const bucket = keeper.bucket(name)
      if (bucket === undefined) return false
      return placementAt(keeper.topology, bucket.n, partition).owners.includes(self)
    },
    placementVersion: () => keeper.placementVersion,
    replaceVanished,
  })
  const isComplete = (): boolean => isProven() && !arrival.isFilling
  const reader = new LogReader(ports, { self, peers, clock, changePages, pages, isComplete })
  const changedKeys = new ChangedKeys(ports, {
    clock,
    readStrong: async (bucket, key) => {
      const request = { bucket, key, level: 'strong', requestId: 'watch' } as const
      return (await requests.get(request)).object
    },
  })
  const isNear = (id: string): boolean => id === self || reach.isReachable(id)
  const watches = new Watches(ports, {
    self,
    keeper,
    clock,
    reader,
    changedKeys,
    gate,
    peers,
    log,
    reachable: reach.isReachable,
    nearest: () => nearestFirst(members().filter(isNear), self, (node) => peers.latencyMs(node)),
  })
  return { changeLog: log, changePages, watches }
}
