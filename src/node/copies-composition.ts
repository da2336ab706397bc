/** Composes what this node holds of its keys: which of them it keeps and may show, and what it may forget. */
import type { Timestamp } from '../core/causality/dot.ts'
import { Collector } from './repair/collector.ts'
import { refillSources } from '../core/placement/preference-list.ts'
import { GainedPartitions } from './moves/gained-partitions.ts'
import { HorizonKeeper } from './repair/horizon-keeper.ts'
import type { NodeCluster } from './cluster-composition.ts'
import type { NodeSettings } from './node-settings.ts'
import type { NodeStorage } from './storage-composition.ts'
import type { HandlersOf } from './peers/ask-handlers.ts'
import { PendingDots } from './replica/pending-dots.ts'
import { replaceVanished } from './storage/vanished-record.ts'
import { whyClosed } from './replica/closed-bucket.ts'
import { Replica } from './replica/replica.ts'
import { replicaAnswers } from './replica/replica-answers.ts'
import { whyNotKept } from './moves/keeping.ts'

export interface NodeCopies {
  readonly gained: GainedPartitions
  readonly pending: PendingDots
  readonly horizon: HorizonKeeper
  /** The horizon that applies to one data partition. */
  readonly horizonOf: (partition: number) => Timestamp
  readonly collector: Collector
  readonly replica: Replica
  /** Answers the asks about these copies. */
  readonly copyAnswers: HandlersOf<'apply' | 'read' | 'version' | 'fetch'>
  /** Replaces a record that an index lists but that is absent (vanished-record.ts). Rejects with a `DiskError`. */
  readonly replaceVanished: (storageKey: string) => Promise<void>
}

export function composeCopies(
  storage: NodeStorage,
  cluster: NodeCluster,
  settings: NodeSettings,
): NodeCopies {
  const { ports, state, clock, commits, table, hints } = storage
  const { keeper, arrival } = cluster
  const self = settings.nodeId
  const gained = new GainedPartitions({ self, state, keeper })
  const pending = new PendingDots()
  const members = cluster.members()
  const horizon = new HorizonKeeper({ self, members, state, clock, hints, pending })
  const horizonOf = (partition: number): Timestamp => gained.horizonOf(partition, horizon.value)
  const collector = new Collector(ports, {
    table,
    commits,
    horizon: () => horizon.value,
    horizonOf,
  })
  horizon.moved.listen(() => {
    collector.wake()
    gained.forget(horizon.value, keeper.topology.change?.id).catch(() => undefined)
  })
  const replica = new Replica(ports, {
    table,
    commits,
    clock,
    durability: settings.durability,
    horizon: horizonOf,
    notKept: (at) => whyNotKept({ self, keeper, gained }, at),
    closed: ({ bucket }) => whyClosed(keeper, bucket),
    mayRead: ({ bucket, partition }) =>
      arrival.mayRead(() => refillSources(keeper.topology, bucket.n, partition)),
  })
  const vanished = { table, commits, givenUp: replica.givenUp }
  return {
    gained,
    pending,
    horizon,
    horizonOf,
    collector,
    replica,
    copyAnswers: replicaAnswers({ self, keeper, replica, arrival, horizonOf }),
    replaceVanished: (storageKey) => replaceVanished(ports, vanished, storageKey),
  }
}
