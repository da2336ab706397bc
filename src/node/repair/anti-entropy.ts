/**
 * Compares this node's copies with the other owners', one peer after the other, and makes both sides hold the same.
 * Identical copies cost one message of a fixed size. Otherwise the hash trees lead to the keys that differ, and only
 * those are exchanged, at a bounded rate.
 *
 * Invariant: after a completed round, everything that the peer held when the round began is durable here.
 *
 * These rounds have three uses. They raise the horizon (horizon-keeper.ts), below which the collector forgets deletes.
 * They refill a node whose directory is new or old (arrival.ts). They complete the copies that a change of the members
 * moves to this node (node/moves).
 */
import { copyCounts } from '../../core/placement/topology.ts'
import { equalBytes } from '../wire/equal-bytes.ts'
import { AssertionError } from '../../core/assert.ts'
import { Signal } from '../../core/signal.ts'
import { isKeeper } from '../../core/placement/preference-list.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { comparedPartitions } from '../../core/placement/compared-partitions.ts'
import type { MemberVersions } from '../../core/membership/member-versions.ts'
import { equalHashes, TREE_DEPTH } from '../../core/repair/hash-tree.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import { forgettableFrom } from './collector.ts'
import type { ComparisonRounds } from './comparison-rounds.ts'
import type { HashForest } from './hash-forest.ts'
import type { HorizonKeeper } from './horizon-keeper.ts'
import type { LeafListing } from './leaf-listing.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Refusal } from '../wire/messages.ts'
import {
  APPLY,
  APPLY_IS_REPAIR,
  FETCH,
  type FetchedCopy,
  keyRequest,
  type KeyRequest,
} from '../wire/asks/copy-asks.ts'
import type { Copy } from '../wire/object-record.ts'
import { copyIn } from '../round/received-copies.ts'
import { Pace } from '../peers/pace.ts'
import type { Peers } from '../peers/peers.ts'
import type { Reply } from '../peers/reply.ts'
import type { Location, Replica } from '../replica/replica.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { TreeDoubts } from './tree-doubts.ts'
import { childrenOf, PLACES_PER_ASK, rootsOf } from './tree-places.ts'
import type { AskFormat } from '../wire/asks/ask-format.ts'
import { LEAVES, SYNC, TREE, type TreePlace } from '../wire/asks/repair-asks.ts'

const ROUND_INTERVAL_MS = 1000
const ASK_TIMEOUT_MS = 5000
const LEAVES_PER_ASK = 64
/** Bounds of the keys under way at once and per second, so that convergence leaves room for the clients. */
const KEYS_AT_ONCE = 32
const KEYS_PER_SECOND = 4000

export interface AntiEntropyParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly replica: Replica
  readonly forest: HashForest
  readonly leaves: LeafListing
  readonly horizon: HorizonKeeper
  readonly versions: MemberVersions
  readonly rounds: ComparisonRounds
  readonly reachable: (node: string) => boolean
  /** Whether this node's copies are incomplete or old, and are being refilled (arrival.ts). */
  readonly isFilling: () => boolean
  /** Whether whole partitions are being streamed here. A comparison would then fetch each of their keys on its own. */
  readonly isPaused: () => boolean
  /** Repairs a key whose record on this node is damaged. That needs a majority, not one peer. */
  readonly repairCorrupt: (bucket: string, key: string) => void
}

/** A round could not be finished; a later one tries again. */
class RoundFailed extends Error {}

export class AntiEntropy {
  readonly #parts: AntiEntropyParts
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #doubts: TreeDoubts
  #timer: Timer | undefined
  #isRunning = false
  #nextPeer = 0
  /**
   * Keys of this round that wait until the peer has judged them: it is being refilled, so it may hold deleted values.
   */
  #withheld = 0
  #keysUnderWay = 0
  /** Everything that a peer held when that round began has been taken over. */
  readonly tookOver = new Signal<[peer: string, round: number]>()

  constructor(
    ports: { clock: Clock; timers: Timers; log: Log; metrics: Metrics },
    parts: AntiEntropyParts,
  ) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#doubts = new TreeDoubts(parts.forest, ports.log)
    parts.rounds.wanted.listen(() => this.wake())
  }

  start(): void {
    this.#timer = this.#timers.every(ROUND_INTERVAL_MS, () => this.wake())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Keys that are being exchanged with a peer at this moment. */
  get keysUnderWay(): number {
    return this.#keysUnderWay
  }

  /** Compares with the next peer now, unless a round is under way. */
  wake(): void {
    if (this.#isRunning || this.#timer === undefined || this.#parts.isPaused()) return
    const { horizon, keeper } = this.#parts
    if (keeper.topology.members.length === 1) horizon.moveAlone()
    const peer = this.#choosePeer()
    if (peer === undefined) return
    this.#isRunning = true
    this.#round(peer)
      .catch((error: unknown) => {
        if (error instanceof AssertionError) throw error
        const reason = error instanceof Error ? error.message : String(error)
        const level = error instanceof RoundFailed ? 'debug' : 'warn'
        this.#log[level]({ peer, reason }, 'a comparison of copies was not finished')
      })
      .finally(() => {
        this.#isRunning = false
      })
  }

  #choosePeer(): string | undefined {
    const { self, keeper, reachable } = this.#parts
    const others = keeper.topology.members.map(({ id }) => id).filter((id) => id !== self)
    for (let i = 0; i < others.length; i++) {
      const peer = others[this.#nextPeer++ % others.length] as string
      if (reachable(peer)) return peer
    }
    return undefined
  }

  async #round(peer: string): Promise<void> {
    const { forest, horizon, versions, keeper } = this.#parts
    if (!forest.isBuilt) throw new RoundFailed('the hash trees of this node are not built yet')
    const { epoch } = keeper
    const round = this.#parts.rounds.begin()
    // Read the floors before the comparison: then the comparison is complete up to the lowest of them.
    const quiet = horizon.quietUntil()
    const groups = copyCounts(this.#parts.keeper.topology)
    const told = { floors: horizon.floors(), copyCounts: groups, versions: versions.entries() }
    const theirs = await this.#ask(peer, SYNC, told)
    horizon.learn(theirs.floors)
    if (theirs.versions !== undefined) versions.learn(peer, theirs.versions)
    let differing = 0
    this.#withheld = 0
    for (const [i, copies] of groups.entries()) {
      const own = forest.summary(copies, this.#compared(copies, peer))
      const their = theirs.hashes[i]
      if (their === undefined || !equalHashes(own, their)) {
        differing += await this.#reconcileGroup(peer, copies)
      }
    }
    this.#metrics.count('anti_entropy_rounds_total', { peer })
    if (differing > 0) {
      this.#metrics.count('anti_entropy_keys_total', { peer }, differing)
      this.#log.info({ peer, keys: differing }, 'copies differed and were reconciled')
    }
    if (this.#withheld > 0) throw new RoundFailed(`${this.#withheld} keys: ${peer} is being filled`)
    // Under another topology the owners may differ, so the comparison may have missed keys.
    if (keeper.epoch !== epoch) return
    horizon.tookOver(peer, quiet)
    this.tookOver.emit(peer, round)
  }

  #compared(copies: number, peer: string): readonly number[] {
    return comparedPartitions(this.#parts.keeper.topology, copies, this.#parts.self, peer)
  }

  /** The number of keys that differed. A settled tombstone that only one side has collected is no difference. */
  async #reconcileGroup(peer: string, copies: number): Promise<number> {
    const roots = rootsOf(this.#compared(copies, peer))
    let nodes = await this.#differing(peer, copies, 0, roots)
    for (let level = 1; level <= TREE_DEPTH && nodes.length > 0; level++) {
      nodes = await this.#differing(peer, copies, level, childrenOf(nodes))
    }
    const pace = new Pace(this.#clock, this.#timers, KEYS_PER_SECOND)
    let keys = 0
    for (let i = 0; i < nodes.length; i += LEAVES_PER_ASK) {
      keys += await this.#reconcileLeaves(peer, copies, nodes.slice(i, i + LEAVES_PER_ASK), pace)
    }
    return keys
  }

  /** Selects the nodes whose hashes differ at the peer. */
  async #differing(
    peer: string,
    copies: number,
    level: number,
    nodes: readonly TreePlace[],
  ): Promise<TreePlace[]> {
    const { forest } = this.#parts
    const differing: TreePlace[] = []
    for (let start = 0; start < nodes.length; start += PLACES_PER_ASK) {
      const asked = nodes.slice(start, start + PLACES_PER_ASK)
      const { hashes: theirs } = await this.#ask(peer, TREE, { copies, level, places: asked })
      if (theirs.length !== asked.length) throw new RoundFailed('not as many hashes as asked for')
      asked.forEach((node, i) => {
        const own = forest.node(copies, node.partition, level, node.index)
        if (!equalHashes(own, theirs[i] as typeof own)) differing.push(node)
      })
    }
    return differing
  }

  async #reconcileLeaves(
    peer: string,
    copies: number,
    leaves: readonly TreePlace[],
    pace: Pace,
  ): Promise<number> {
    const [contents, theirs] = await Promise.all([
      this.#parts.leaves.list(copies, leaves),
      this.#ask(peer, LEAVES, { copies, places: leaves }),
    ])
    const { keeper } = this.#parts
    this.#doubts.look(copies, leaves, contents)
    const own = contents.copies
    const keys = new Set<string>()
    for (const [name, their] of theirs.copies) {
      const held = own.get(name)
      if (held === undefined || !equalHashes(held, their)) keys.add(name)
      own.delete(name)
    }
    for (const name of own.keys()) keys.add(name)
    // Each node drops the records of a deleted bucket in its own time (deleted-buckets.ts).
    for (const name of keys) if (keeper.isDeleted(bucketIn(name))) keys.delete(name)
    const queue = [...keys]
    let differing = 0
    const worker = async (): Promise<void> => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        await pace.take()
        if (await this.#reconcileKey(peer, name, contents.dying.has(name))) differing++
      }
    }
    this.#keysUnderWay = keys.size
    try {
      await Promise.all(Array.from({ length: Math.min(KEYS_AT_ONCE, queue.length) }, worker))
    } finally {
      this.#keysUnderWay = 0
    }
    return differing
  }

  /**
   * Takes over what the peer holds of the key, and gives it what it lacks. False if the only difference was a settled
   * tombstone, which owners collect at different moments.
   */
  async #reconcileKey(peer: string, name: string, isDyingHere: boolean): Promise<boolean> {
    const { keeper, replica, repairCorrupt } = this.#parts
    const bucket = keeper.bucket(bucketIn(name))
    const key = name.slice(name.indexOf('/') + 1)
    if (bucket === undefined) throw new RoundFailed(`a key of an unknown bucket: ${name}`)
    const at: Location = { bucket, key, partition: partitionOf(bucket.name, key) }
    const fetched = await this.#fetch(peer, keyRequest(at))
    if (fetched === undefined) return true
    const { record, horizon: theirHorizon, isFilled } = fetched
    // A peer that holds nothing of the key brings nothing back, so this round need not wait until it is filled. It may be
    // a leaving node that lost its disk. Its filling can wait for a member that is lost for good, and the removal of
    // that member waits until the leave has ended, which needs this round.
    if (!isFilled && record.length > 0 && this.#cannotJudge(at)) {
      this.#withheld++
      return true
    }
    const theirs = copyIn(replica, record)
    if (theirs === undefined) throw new RoundFailed(`a damaged copy of ${name}`)
    const [merged, refusal] = await new Promise<[Copy | undefined, Refusal | undefined]>(
      (resolve) => {
        replica.reconcile(at, theirs, theirHorizon, (...end) => resolve(end))
      },
    )
    if (refusal?.code === 'record_corrupt') {
      repairCorrupt(bucket.name, key)
      return true
    }
    if (merged === undefined) throw new RoundFailed(`${name} could not be stored`)
    if (merged.record.length === 0) {
      return !isDyingHere && forgettableFrom(theirs.object) === undefined
    }
    if (equalBytes(merged.record, theirs.record)) return true
    // This node's value may have been deleted long ago. The other owners judge it by their horizons, in their own
    // rounds.
    if (!replica.mayRead(at)) return true
    // A peer that has given up the key, and waits for others to take it over, accepts no copy.
    if (!isKeeper(keeper.topology, bucket.n, at.partition, peer)) return true
    // Best effort: the peer fetches what it lacks in its own rounds.
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    const repair = { ...keyRequest(at), record: merged.record, flags: APPLY_IS_REPAIR }
    await this.#parts.peers.request(peer, APPLY, repair, deadlineMs)
    return true
  }

  /**
   * Whether this node cannot tell a new value from one that was deleted and forgotten. This is so in a partition gained
   * a moment ago: an old directory of a peer could bring a deleted value back. (A node that is being refilled takes
   * such values all the same. Otherwise two such nodes would wait for each other, and it counts in no read before all
   * others have answered it.)
   */
  #cannotJudge({ partition }: Location): boolean {
    return this.#parts.replica.horizon(partition) === 0 && !this.#parts.isFilling()
  }

  /**
   * Undefined if the peer's record is damaged: the peer counts as holding nothing, and its scrub repairs the record.
   * One key that cannot be repaired, because too few owners can read theirs, must not keep all others from settling.
   */
  async #fetch(peer: string, request: KeyRequest): Promise<FetchedCopy | undefined> {
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    const reply = await this.#parts.peers.request(peer, FETCH, request, deadlineMs)
    if (reply.type === 'refused' && reply.code === 'record_corrupt') return undefined
    return answerIn(FETCH, reply)
  }

  async #ask<Request, Answer>(
    peer: string,
    format: AskFormat<Request, Answer>,
    request: Request,
  ): Promise<Answer> {
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    return answerIn(format, await this.#parts.peers.request(peer, format, request, deadlineMs))
  }
}

function bucketIn(name: string): string {
  return name.slice(0, name.indexOf('/'))
}

function answerIn<Answer>({ kind }: AskFormat<unknown, Answer>, reply: Reply<Answer>): Answer {
  if (reply.type === 'ok') return reply.answer
  const why = reply.type === 'refused' ? `${reply.code}: ${reply.message}` : reply.type
  throw new RoundFailed(`${kind}: ${why}`)
}
