/**
 * Compares this node's copies with the other owners', one peer after the other, and makes both hold the same.
 * Identical copies cost one message of a fixed size; differences are found by descending the hash trees, and
 * only the keys that differ are exchanged, at a bounded rate.
 *
 * A round that ends well means: everything that the peer held when it began is durable here.
 */
import { AssertionError } from '../../core/assert.ts'
import { isKeeper } from '../../core/placement/preference-list.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { comparedPartitions } from '../../core/placement/compared-partitions.ts'
import type { MemberVersions } from '../../core/membership/member-versions.ts'
import { equalHashes, TREE_DEPTH, TREE_FANOUT } from '../../core/repair/hash-tree.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import { forgettableFrom } from './collector.ts'
import type { HashForest } from './hash-forest.ts'
import { decodeHashes } from '../wire/hash-list.ts'
import type { HorizonKeeper } from './horizon-keeper.ts'
import type { LeafListing } from './leaf-listing.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { APPLY_IS_REPAIR, type AskKind, type Refusal } from '../wire/messages.ts'
import type { Copy } from '../wire/object-record.ts'
import { copyIn } from '../round/owner-copies.ts'
import { Pace } from '../peers/pace.ts'
import type { Peers, Reply } from '../peers/peers.ts'
import type { Location, Replica } from '../replica/replica.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { TreeDoubts } from './tree-doubts.ts'
import { decodeVersions, encodeVersions } from '../wire/wire-version.ts'

const ROUND_INTERVAL_MS = 1000
const ASK_TIMEOUT_MS = 5000
/** Nodes of a tree asked for in one message. */
const NODES_PER_ASK = 512
const LEAVES_PER_ASK = 64
/** Keys under way at once, and the most per second: convergence must not drown the clients. */
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
  readonly reachable: (node: string) => boolean
  /** Whether this node's own copies are incomplete, or old: they are filled (arrival.ts). */
  readonly isFilling: () => boolean
  /** Whether the copies of whole partitions are on their way: their comparison would make each one by itself. */
  readonly isPaused: () => boolean
  /** A key whose own record is damaged: it needs a majority, not one peer. */
  readonly repairCorrupt: (bucket: string, key: string) => void
}

/** A round could not be finished; another will be tried. */
class RoundFailed extends Error {}

interface TreeNode {
  readonly partition: number
  readonly index: number
}

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
  #rounds = 0
  /** Keys of this round that the peer has to give up, or vouch for, first. */
  #withheld = 0
  #keysUnderWay = 0
  /** Told of each peer from which everything has been taken over in this life, and in the how manieth round. */
  onTookOver: (peer: string, round: number) => void = () => undefined

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
  }

  start(): void {
    this.#timer = this.#timers.every(ROUND_INTERVAL_MS, () => this.wake())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Comparisons begun in this life. */
  get rounds(): number {
    return this.#rounds
  }

  /** Keys that are being exchanged with a peer at this moment. */
  get keysUnderWay(): number {
    return this.#keysUnderWay
  }

  /** Compares with the next peer now, unless a comparison is under way. */
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
    if (!forest.isBuilt) throw new RoundFailed('the own trees are not built yet')
    const { epoch } = keeper
    const round = ++this.#rounds
    // First the promise, then the comparison: what is compared now is complete up to there.
    const quiet = horizon.quietUntil()
    const groups = this.#copyCounts()
    const told = [horizon.encode(), groups, encodeVersions(versions.entries())]
    const [entries, theirs, heard] = await this.#ask(peer, 'sync', told)
    horizon.learn(entries)
    if (heard !== undefined) versions.learn(peer, decodeVersions(heard))
    const hashes = decodeHashes(theirs)
    let differing = 0
    this.#withheld = 0
    for (const [i, copies] of groups.entries()) {
      const own = forest.summary(copies, this.#compared(copies, peer))
      const their = hashes[i]
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
    // Another topology may have other owners: what was compared may not be all of it.
    if (keeper.epoch !== epoch) return
    horizon.tookOver(peer, quiet)
    this.onTookOver(peer, round)
  }

  #copyCounts(): number[] {
    return [...new Set(this.#parts.keeper.topology.buckets.map(({ n }) => n))].sort((a, b) => a - b)
  }

  #compared(copies: number, peer: string): readonly number[] {
    return comparedPartitions(this.#parts.keeper.topology, copies, this.#parts.self, peer)
  }

  /** The number of keys that differed. A settled delete that one side has collected is no difference. */
  async #reconcileGroup(peer: string, copies: number): Promise<number> {
    let nodes: TreeNode[] = this.#compared(copies, peer).map((partition) => ({
      partition,
      index: 0,
    }))
    nodes = await this.#differing(peer, copies, 0, nodes)
    for (let level = 1; level <= TREE_DEPTH && nodes.length > 0; level++) {
      const children = nodes.flatMap(({ partition, index }) =>
        Array.from({ length: TREE_FANOUT }, (_, i) => ({
          partition,
          index: index * TREE_FANOUT + i,
        })),
      )
      nodes = await this.#differing(peer, copies, level, children)
    }
    const pace = new Pace(this.#clock, this.#timers, KEYS_PER_SECOND)
    let keys = 0
    for (let i = 0; i < nodes.length; i += LEAVES_PER_ASK) {
      keys += await this.#reconcileLeaves(peer, copies, nodes.slice(i, i + LEAVES_PER_ASK), pace)
    }
    return keys
  }

  /** Those of `nodes` whose hashes are not the same at the peer. */
  async #differing(
    peer: string,
    copies: number,
    level: number,
    nodes: readonly TreeNode[],
  ): Promise<TreeNode[]> {
    const { forest } = this.#parts
    const differing: TreeNode[] = []
    for (let start = 0; start < nodes.length; start += NODES_PER_ASK) {
      const asked = nodes.slice(start, start + NODES_PER_ASK)
      const places = asked.flatMap(({ partition, index }) => [partition, index])
      const [bytes] = await this.#ask(peer, 'tree', [copies, level, places])
      const theirs = decodeHashes(bytes)
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
    leaves: readonly TreeNode[],
    pace: Pace,
  ): Promise<number> {
    const places = leaves.flatMap(({ partition, index }) => [partition, index])
    const [contents, [names, hashes]] = await Promise.all([
      this.#parts.leaves.list(copies, leaves),
      this.#ask(peer, 'leaves', [copies, places]),
    ])
    this.#doubts.look(copies, leaves, contents)
    const own = contents.copies
    const theirs = decodeHashes(hashes)
    const keys = new Set<string>()
    ;(names as readonly string[]).forEach((name, i) => {
      const held = own.get(name)
      if (held === undefined || !equalHashes(held, theirs[i] as typeof held)) keys.add(name)
      own.delete(name)
    })
    for (const name of own.keys()) keys.add(name)
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
   * Takes over what the peer has of the key, and gives it what it lacks. Returns false where the only difference was
   * a settled delete: the owners collect it at different moments.
   */
  async #reconcileKey(peer: string, name: string, isDyingHere: boolean): Promise<boolean> {
    const { keeper, replica, repairCorrupt } = this.#parts
    const slash = name.indexOf('/')
    const bucket = keeper.bucket(name.slice(0, slash))
    const key = name.slice(slash + 1)
    if (bucket === undefined) throw new RoundFailed(`a key of an unknown bucket: ${name}`)
    const at: Location = { bucket, key, partition: partitionOf(bucket.name, key) }
    const fetched = await this.#fetch(peer, bucket.name, key)
    if (fetched === undefined) return true
    const [record, theirHorizon, , isFilled = true] = fetched
    if (isFilled !== true && this.#cannotJudge(at)) {
      this.#withheld++
      return true
    }
    const theirs = copyIn(replica, record)
    if (theirs === undefined || !Number.isSafeInteger(theirHorizon)) {
      throw new RoundFailed(`garbage in place of a copy of ${name}`)
    }
    const [merged, refusal] = await new Promise<[Copy | undefined, Refusal | undefined]>(
      (resolve) => {
        replica.reconcile(at, theirs, theirHorizon as number, (...end) => resolve(end))
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
    // What is here may be long deleted: the others judge it by their horizons, in their own rounds.
    if (!replica.mayRead(at)) return true
    // A peer that has given the key up, and waits for it to be taken over, takes nothing.
    if (!isKeeper(keeper.topology, bucket.n, at.partition, peer)) return true
    // Best effort: the peer takes over what it lacks in its own rounds.
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    await this.#parts.peers.request(
      peer,
      'apply',
      [bucket.name, key, merged.record, APPLY_IS_REPAIR],
      deadlineMs,
    )
    return true
  }

  /**
   * Whether nothing tells here what has been deleted and forgotten from what is new: of a partition gained a moment ago,
   * to which an old directory of a peer would bring back the one as the other. (A node that is being filled takes it
   * all the same: two of them would wait for each other, and it counts in no read before all others have told it.)
   */
  #cannotJudge({ partition }: Location): boolean {
    return this.#parts.replica.horizon(partition) === 0 && !this.#parts.isFilling()
  }

  /**
   * Undefined where the peer's own record is damaged: it holds nothing then, and its scrub mends it. One key
   * that cannot be mended, because too few owners can read theirs, must not keep all others from settling.
   */
  async #fetch(
    peer: string,
    bucket: string,
    key: string,
  ): Promise<readonly Encodable[] | undefined> {
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    const reply = await this.#parts.peers.request(peer, 'fetch', [bucket, key], deadlineMs)
    if (reply.type === 'refused' && reply.code === 'record_corrupt') return undefined
    return bodyOf('fetch', reply)
  }

  async #ask(
    peer: string,
    kind: AskKind,
    body: readonly Encodable[],
  ): Promise<readonly Encodable[]> {
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    return bodyOf(kind, await this.#parts.peers.request(peer, kind, body, deadlineMs))
  }
}

function bodyOf(kind: AskKind, reply: Reply): readonly Encodable[] {
  if (reply.type === 'ok') return reply.body
  const why = reply.type === 'refused' ? `${reply.code}: ${reply.message}` : reply.type
  throw new RoundFailed(`${kind}: ${why}`)
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
