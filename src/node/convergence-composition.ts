/**
 * Composes the mechanisms that make the copies of a key equal again: hash trees and their comparison, the scrub of
 * every record, the removal of expired values, and the moves of copies while the members change.
 */
import { hasMoreToCompare } from '../core/placement/compared-partitions.ts'
import type { Timestamp } from '../core/causality/dot.ts'
import { AntiEntropy } from './repair/anti-entropy.ts'
import { ComparisonRounds } from './repair/comparison-rounds.ts'
import { dataKey } from './storage/storage-keys.ts'
import { ExpiredValues } from './repair/expired-values.ts'
import { HashForest } from './repair/hash-forest.ts'
import { Intake } from './moves/intake.ts'
import { LeafListing } from './repair/leaf-listing.ts'
import type { Moves } from './moves/moves-view.ts'
import type { NodeBuckets } from './bucket-composition.ts'
import type { NodeCluster } from './cluster-composition.ts'
import type { NodeCopies } from './copies-composition.ts'
import type { NodeRequests } from './request-composition.ts'
import type { NodeStorage } from './storage-composition.ts'
import { Release } from './moves/release.ts'
import { Scrub } from './repair/scrub.ts'
import { Sweep } from './moves/sweep.ts'
import type { Topology } from '../core/placement/topology.ts'
import { TreeAnswers } from './repair/tree-answers.ts'
import type { Unsettled } from './service/unsettled.ts'

const PROPOSE_TIMEOUT_MS = 5000

export interface NodeConvergence {
  readonly forest: HashForest
  readonly leaves: LeafListing
  readonly trees: TreeAnswers
  readonly scrub: Scrub
  readonly expired: ExpiredValues
  readonly antiEntropy: AntiEntropy
  readonly moves: Moves
  /** Writes, hints and exchanges that this node still has under way to owners. */
  readonly unsettled: () => Unsettled
}

export function composeConvergence(
  storage: NodeStorage,
  cluster: NodeCluster,
  copies: NodeCopies,
  { writes, acceptor, pages, requests }: NodeRequests,
  { deleted }: NodeBuckets,
  self: string,
): NodeConvergence {
  const { ports, disk, state, clock, commits, table, indexes, hints } = storage
  const { keeper, members, peers, versions, register, arrival } = cluster
  const { gained, pending, horizon, replica, replaceVanished } = copies
  const reachable = cluster.reach.isReachable

  const copiesOf = (bucket: string): number | undefined => deleted.copiesOf(bucket)
  const forest = new HashForest(ports, copiesOf)
  table.stored.listen((...change) => forest.stored(...change))
  table.uncertain.listen((storageKey) => forest.uncertain(storageKey))
  const leaves = new LeafListing(ports, { copiesOf, replaceVanished })
  const trees = new TreeAnswers({ self, keeper, forest, leaves, indexes, horizon, versions })

  const expired = new ExpiredValues(ports, {
    table,
    hints,
    majorityMs: () => clock.majorityMs,
    mayBeOld: () => versions.mayBeOld(members(), members()).length > 0,
  })
  const repair = async (bucket: string, key: string): Promise<void> => {
    await requests.get({ bucket, key, level: 'quorum', requestId: 'repair' })
  }
  const look = expired.look.bind(expired)
  const scrub = new Scrub(ports, { table, repair, look })
  forest.corrupt.listen((storageKey) => scrub.found(storageKey))
  pages.corrupt.listen((storageKey) => scrub.found(storageKey))

  const dropping = { disk, metrics: ports.metrics, table, commits }
  const propose = (step: (current: Topology) => Topology | undefined): Promise<unknown> =>
    register.change(step, PROPOSE_TIMEOUT_MS)
  const rounds = new ComparisonRounds()
  const intake = new Intake(ports, {
    ...dropping,
    self,
    keeper,
    state,
    clock,
    peers,
    replica,
    gained,
    reachable,
    rounds: () => rounds.begun,
    compare: () => rounds.wanted.emit(),
    beforeOwning: async (partitions, promisedUpTo: Timestamp) => {
      writes.giveUpActor()
      await acceptor.raiseFloorOf(partitions, promisedUpTo)
    },
    propose,
  })
  const release = new Release(ports, { self, keeper, peers, propose })
  const sweep = new Sweep(ports, {
    ...dropping,
    self,
    keeper,
    hints,
    isQuiet: () =>
      requests.inflight === 0 && pending.lowest() === Infinity && hints.lowest() === Infinity,
    propose,
  })

  const antiEntropy = new AntiEntropy(ports, {
    self,
    keeper,
    peers,
    clock,
    replica,
    forest,
    leaves,
    horizon,
    versions,
    rounds,
    reachable,
    isFilling: () => arrival.isFilling,
    isPaused: () => intake.isStreaming,
    repairCorrupt: (bucket, key) => {
      const known = keeper.bucket(bucket)
      if (known !== undefined) scrub.found(dataKey(keeper.place(known, key).partition, bucket, key))
    },
  })
  keeper.adopting.listen((before, next) => {
    if (!arrival.isFilling) return
    for (const { id } of next.members) {
      if (hasMoreToCompare(before, next, self, id)) arrival.holdsMore(id)
    }
  })
  antiEntropy.tookOver.listen((peer, round) => {
    arrival.tookOver(peer)
    intake.tookOver(peer, round)
    release.tell(peer)
    // A node without its copies compares at once again: refilling is its most urgent work.
    if (arrival.isFilling) ports.timers.soon(() => antiEntropy.wake())
  })

  return {
    forest,
    leaves,
    trees,
    scrub,
    expired,
    antiEntropy,
    moves: { intake, release, sweep },
    unsettled: () => ({
      hints: [...hints.owners().values()].reduce((sum, { sizes }) => sum + sizes.size, 0),
      writes: pending.size,
      exchanges: antiEntropy.keysUnderWay,
    }),
  }
}
