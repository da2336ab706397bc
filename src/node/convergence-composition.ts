/**
 * Composes the mechanisms that make the copies of a key equal again: hash trees and their comparison, the horizon and
 * the collection of tombstones below it, the scrub of every record, and the refilling of a node that has lost its
 * directory.
 */
import { lostMember } from '../core/placement/change-steps.ts'
import type { Timestamp } from '../core/causality/dot.ts'
import { wallMsOf } from '../core/causality/hybrid-clock.ts'
import { AntiEntropy } from './repair/anti-entropy.ts'
import { Arrival } from './repair/arrival.ts'
import { Collector } from './repair/collector.ts'
import type { DirectoryProof } from './identity/directory-proof.ts'
import { ExpiredValues } from './repair/expired-values.ts'
import { GainedPartitions } from './moves/gained-partitions.ts'
import type { IndexRepair } from './storage/index-repair.ts'
import { Intake } from './moves/intake.ts'
import { whyNotKept } from './moves/keeping.ts'
import type { Moves } from './moves/moves-view.ts'
import type { GroupCommit } from './storage/group-commit.ts'
import { HashForest } from './repair/hash-forest.ts'
import type { HintStore } from './hints/hint-store.ts'
import { HorizonKeeper } from './repair/horizon-keeper.ts'
import { LeafListing } from './repair/leaf-listing.ts'
import type { MemberVersions } from '../core/membership/member-versions.ts'
import type { NodePorts } from './node-ports.ts'
import type { NodeClock } from './identity/node-clock.ts'
import type { NodeState } from './identity/node-state.ts'
import type { ObjectTable } from './storage/object-table.ts'
import type { Topology } from '../core/placement/topology.ts'
import type { Peers } from './peers/peers.ts'
import type { PendingDots } from './replica/pending-dots.ts'
import type { Replica } from './replica/replica.ts'
import { Release } from './moves/release.ts'
import { Scrub } from './repair/scrub.ts'
import { dataKey } from './storage/storage-keys.ts'
import { Sweep } from './moves/sweep.ts'
import type { TopologyKeeper } from './topology/topology-keeper.ts'
import { TreeAnswers } from './repair/tree-answers.ts'
import type { Unsettled } from './service/unsettled.ts'
import { putDownVanished } from './storage/vanished-record.ts'

export interface ConvergenceParts {
  readonly self: string
  readonly state: NodeState
  readonly clock: NodeClock
  readonly proof: DirectoryProof
  readonly keeper: TopologyKeeper
  readonly commits: GroupCommit
  readonly indexes: IndexRepair
  readonly table: ObjectTable
  readonly replica: Replica
  readonly hints: HintStore
  readonly pending: PendingDots
  readonly peers: Peers
  readonly versions: MemberVersions
  readonly reachable: (node: string) => boolean
  /** Whether this node has no request, write or hint under way. */
  readonly isQuiet: () => boolean
  /** Proposes the next topology. */
  readonly propose: (step: (current: Topology) => Topology | undefined) => Promise<unknown>
  /** Called before this node claims these partitions: takes a new actor, and a ballot floor at `promisedUpTo`. */
  readonly beforeOwning: (partitions: readonly number[], promisedUpTo: Timestamp) => Promise<void>
  /** Reads a key at quorum. */
  readonly readAtQuorum: (bucket: string, key: string) => Promise<unknown>
}

export interface Convergence {
  readonly horizon: HorizonKeeper
  readonly forest: HashForest
  readonly leaves: LeafListing
  readonly trees: TreeAnswers
  readonly arrival: Arrival
  readonly moves: Moves
  /** The horizon that applies to one data partition. */
  horizonOf(partition: number): Timestamp
  /** Writes, hints and exchanges that this node still has under way to owners. */
  readonly unsettled: () => Unsettled
  /** Called whenever the horizon has moved. */
  onHorizonMoved: () => void
  /** Starts the repair of a record that was found damaged. */
  recordDamaged(storageKey: string): void
  /** Call once the network runs. Resolves once this node may serve. */
  start(): Promise<void>
  stop(): void
  /** Call after the topology has changed. */
  look(): void
  showGauges(): void
}

export function composeConvergence(ports: NodePorts, parts: ConvergenceParts): Convergence {
  const { self, state, clock, keeper, commits, table, replica, hints, pending, peers, versions } =
    parts
  const members = (): string[] => keeper.topology.members.map(({ id }) => id)
  const copiesOf = (bucket: string): number | undefined => keeper.bucket(bucket)?.n
  const forest = new HashForest(ports, copiesOf)
  table.onStored = (...change) => forest.stored(...change)
  table.onUncertain = (storageKey) => forest.uncertain(storageKey)
  const leaves = new LeafListing(ports, copiesOf)
  const giving = { table, commits, onGivenUp: () => replica.onGivenUp() }
  leaves.onVanished = (storageKey) => putDownVanished(ports, giving, storageKey)
  const horizon = new HorizonKeeper({ self, members: members(), state, clock, hints, pending })
  const gained = new GainedPartitions(state)
  const horizonOf = (partition: number): Timestamp => gained.horizonOf(partition, horizon.value)
  replica.horizon = horizonOf
  keeper.onAdopt = (previous, next) => gained.adopt(previous, next, self)
  keeper.beforeStore = () => void gained.save().catch(() => undefined)
  replica.notKept = (at) => whyNotKept({ self, keeper, gained }, at)
  const arrival = new Arrival(ports, {
    self,
    members,
    isMember: () => keeper.isMember(self),
    isLost: (node) => node === lostMember(keeper.topology),
    peers,
    clock,
    proof: parts.proof,
  })
  replica.mayRead = ({ bucket, key }) => arrival.mayRead(() => keeper.place(bucket, key).owners)
  const collector = new Collector(ports, {
    table,
    commits,
    horizon: () => horizon.value,
    horizonOf,
  })
  horizon.onMoved = () => {
    collector.wake()
    gained.forget(horizon.value, keeper.topology.change?.id).catch(() => undefined)
    convergence.onHorizonMoved()
  }
  const repair = async (bucket: string, key: string): Promise<void> => {
    await parts.readAtQuorum(bucket, key)
  }
  const scrub = new Scrub(ports, { table, repair })
  const expired = new ExpiredValues(ports, {
    table,
    hints,
    majorityMs: () => clock.majorityMs,
    mayBeOld: () => versions.mayBeOld(members(), members()).length > 0,
  })
  scrub.onRead = (...read) => expired.look(...read)
  forest.onCorrupt = (storageKey) => scrub.found(storageKey)
  const repairCorrupt = (bucket: string, key: string): void => {
    const known = keeper.bucket(bucket)
    if (known !== undefined) scrub.found(dataKey(keeper.place(known, key).partition, bucket, key))
  }
  const { indexes } = parts
  const trees = new TreeAnswers({ self, keeper, forest, leaves, indexes, horizon, versions })
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
    reachable: parts.reachable,
    isFilling: () => arrival.isFilling,
    isPaused: () => intake.isStreaming,
    repairCorrupt,
  })
  const dropping = { disk: ports.disk, metrics: ports.metrics, table, commits }
  const intake = new Intake(ports, {
    ...parts,
    ...dropping,
    gained,
    rounds: () => antiEntropy.rounds,
    compare: () => antiEntropy.wake(),
  })
  const release = new Release(ports, parts)
  const sweep = new Sweep(ports, { ...parts, ...dropping })
  const look = (): void => {
    intake.look()
    release.look()
    sweep.look()
  }
  antiEntropy.onTookOver = (peer, round) => {
    arrival.tookOver(peer)
    intake.tookOver(peer, round)
    release.tell(peer)
    // A node without its copies compares at once again: refilling is its most urgent work.
    if (arrival.isFilling) ports.timers.soon(() => antiEntropy.wake())
  }
  let isStarted = false
  const convergence: Convergence = {
    onHorizonMoved: () => undefined,
    horizon,
    forest,
    leaves,
    trees,
    arrival,
    moves: { intake, release, sweep },
    horizonOf,
    recordDamaged: (storageKey) => scrub.found(storageKey),
    unsettled: () => ({
      hints: [...hints.owners().values()].reduce((sum, { sizes }) => sum + sizes.size, 0),
      writes: pending.size,
      exchanges: antiEntropy.keysUnderWay,
    }),
    start: async () => {
      forest.start()
      await arrival.start()
      antiEntropy.start()
      scrub.start()
      expired.start()
      isStarted = true
      look()
    },
    stop: () => {
      arrival.stop()
      intake.stop()
      release.stop()
      sweep.stop()
      antiEntropy.stop()
      scrub.stop()
      expired.stop()
      collector.stop()
      forest.stop()
    },
    look: () => {
      horizon.setMembers(members())
      arrival.look()
      if (isStarted) look()
    },
    showGauges: () => {
      const ageMs = clock.nowMs() - wallMsOf(horizon.value)
      ports.metrics.gauge('horizon_age_seconds', Math.round(ageMs) / 1000)
    },
  }
  return convergence
}
