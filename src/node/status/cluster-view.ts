/**
 * Describes the cluster as this node sees it, with the views of the members that answer, and with one sentence for an
 * operator. It decides nothing.
 */
import { liveSiblings, type StoredObject } from '../../core/causality/stored-object.ts'
import { nodeOfActor } from '../../core/causality/dot.ts'
import type { MemberState } from '../../core/membership/update.ts'
import { labelOf } from '../../core/placement/bucket-name.ts'
import { type Bucket, PARTITION_COUNT } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Disk } from '../../ports/disk.ts'
import { changeStatus, changeWords } from '../moves/change-status.ts'
import { type Deadlines, inTime } from '../peers/deadlines.ts'
import { type ForgettingStall, stallWords } from '../repair/forgetting-stall.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { Liveness } from '../peers/liveness.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { ABSENT_COPY, type Copy } from '../wire/object-record.ts'
import { keyRequest, READ } from '../wire/asks/copy-asks.ts'
import { READ_HINTS } from '../wire/asks/hint-asks.ts'
import { type PeerRefusals, refusalWords } from '../peers/peer-refusals.ts'
import type { HandlersOf } from '../peers/ask-handlers.ts'
import type { Peers } from '../peers/peers.ts'
import type { Location, Replica } from '../replica/replica.ts'
import type {
  ClusterStatus,
  MemberStatus,
  Readiness,
  ReadinessScope,
  RingEntry,
  RingView,
} from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { Unsettled } from '../service/unsettled.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import { STATUS, type StatusAnswer } from '../wire/asks/status-asks.ts'

/** How long to wait for the other members' views. */
const STATUS_TIMEOUT_MS = 400
const RING_TIMEOUT_MS = 1000

export interface ViewParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly refusals: PeerRefusals
  readonly liveness: Liveness
  readonly reachable: (node: string) => boolean
  readonly peers: Peers
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  readonly hints: HintStore
  readonly replica: Replica
  readonly disk: Disk
  /** Whether lost copies are being refilled from the other owners. */
  readonly isFilling: () => boolean
  /** Writes, hints and exchanges that this node has under way to owners. */
  readonly unsettled: () => Unsettled
  /** The members and the time to report if nothing has been forgotten for a while. */
  readonly stall: () => ForgettingStall | undefined
}

type States = StatusAnswer['states']

/** One node's view of the others. */
type View = Omit<StatusAnswer, 'unsettled'>

export class ClusterView {
  readonly #parts: ViewParts

  constructor(parts: ViewParts) {
    this.#parts = parts
  }

  /** Answers the ask for this node's view. */
  answers(): HandlersOf<'status'> {
    return {
      status: (_request, asker) => {
        const { keeper, unsettled, refusals } = this.#parts
        const { epoch } = keeper
        const states = this.#states()
        asker.answer({ epoch, states, unsettled: unsettled(), twins: refusals.twins() })
      },
    }
  }

  /** The number of data partitions of which this node reaches no majority of the owners. */
  partitionsWithoutQuorum(): number {
    const { keeper, reachable } = this.#parts
    // All members are in reach almost always, and this is asked for often.
    if (keeper.topology.members.every(({ id }) => reachable(id))) return 0
    return shortPartitions(this.#spareOwners(reachable)).length
  }

  async status(): Promise<ClusterStatus> {
    const { self, keeper, clock, liveness } = this.#parts
    const { members, voters, clusterId, identity, epoch } = keeper.topology
    const views = await this.#askViews()
    const reachability: Record<string, States | null> = {}
    for (const { id } of members) reachability[id] = views.get(id)?.states ?? null
    const owned = this.#owned()
    const statuses = members.map(({ id, peerUrl, zone }): MemberStatus => ({
      id,
      peerUrl,
      zone,
      state: liveness.state(id),
      clockOffsetMs: id === self ? 0 : clock.offsetMs(id),
      lastHeardMsAgo: id === self ? 0 : liveness.lastHeardMsAgo(id),
      epoch: views.get(id)?.epoch ?? null,
      partitionsOwned: owned.get(id) ?? 0,
    }))
    const spares = this.#spareOwners(this.#parts.reachable)
    const without = shortPartitions(spares)
    return {
      clusterId: identity ?? clusterId,
      node: self,
      epoch,
      members: statuses,
      voters,
      moves: changeStatus(keeper.topology),
      lost: keeper.topology.lost ?? [],
      reachability,
      partitionsWithoutQuorum: without,
      failureTolerance: Math.max(0, Math.min(...spares)),
      partitions: PARTITION_COUNT,
      hints: this.#hints(),
      storage: this.#storage(),
      refusals: this.#parts.refusals.current(),
      verdict: this.#verdict(without.length, views),
    }
  }

  async ring(at: Location): Promise<RingView> {
    const { keeper, liveness } = this.#parts
    const { partition, owners, fallbacks } = keeper.place(at.bucket, at.key)
    const entry = async (node: string, role: 'owner' | 'fallback'): Promise<RingEntry> => {
      const copy = await this.#copyAt(node, role, at)
      return {
        node,
        role,
        state: liveness.state(node),
        holds: copy && holdsOf(copy.object, this.#nowMs()),
      }
    }
    const preference = await Promise.all([
      ...owners.map((node) => entry(node, 'owner')),
      ...fallbacks.map((node) => entry(node, 'fallback')),
    ])
    return { bucket: labelOf(at.bucket.name), key: at.key, partition, preference }
  }

  async readiness(scope: ReadinessScope): Promise<Readiness> {
    const own = this.#ownChecks()
    const checks = scope === 'node' ? own : [...own, ...(await this.#quorumChecks())]
    return { ready: checks.every(({ ok }) => ok), checks }
  }

  /** Asks the members now, because beliefs about them may be outdated. */
  async #quorumChecks(): Promise<Readiness['checks']> {
    const { members } = this.#parts.keeper.topology
    const views = await this.#askViews()
    const without = shortPartitions(this.#spareOwners((id) => views.has(id)))
    const needed = majority(members.length)
    return [
      {
        name: 'members',
        ok: views.size >= needed,
        detail: `${views.size} of ${members.length} members answer, ${needed} are needed`,
      },
      {
        name: 'quorum',
        ok: without.length < PARTITION_COUNT,
        detail: `${PARTITION_COUNT - without.length} of ${PARTITION_COUNT} data partitions have a majority of owners`,
      },
    ]
  }

  /** What does not depend on the other members. */
  #ownChecks(): Readiness['checks'] {
    const { self, keeper } = this.#parts
    const storage = this.#storage()
    return [
      { name: 'membership', ok: keeper.isMember(self), detail: this.#membership() },
      { name: 'storage', ok: storage.state === 'ok', detail: storage.reason || 'takes writes' },
      {
        name: 'identity',
        ok: this.#parts.refusals.whyNotThisProcess() === undefined,
        detail: this.#parts.refusals.whyNotThisProcess() ?? 'no other process has this node id',
      },
      { name: 'copies', ok: !this.#parts.isFilling(), detail: this.#copies() },
    ]
  }

  #states(): States {
    const { self, keeper, liveness } = this.#parts
    const states: Record<string, MemberState> = {}
    for (const { id } of keeper.topology.members) if (id !== self) states[id] = liveness.direct(id)
    return states
  }

  async #askViews(): Promise<Map<string, View>> {
    const { self, keeper, peers, refusals } = this.#parts
    const own: View = { epoch: keeper.epoch, states: this.#states(), twins: refusals.twins() }
    const views = new Map([[self, own]])
    const deadlineMs = this.#nowMs() + STATUS_TIMEOUT_MS
    const ask = async ({ id }: { id: string }): Promise<void> => {
      if (id === self) return
      const reply = await peers.request(id, STATUS, NO_FIELDS, deadlineMs)
      if (reply.type === 'ok') views.set(id, reply.answer)
    }
    await Promise.all(keeper.topology.members.map(ask))
    return views
  }

  /** Member → number of data partitions that it owns, in the bucket with the most replicas. */
  #owned(): ReadonlyMap<string, number> {
    const { members, preference, buckets } = this.#parts.keeper.topology
    const owned = new Map<string, number>()
    for (const list of preference) {
      for (const i of list.slice(0, widest(buckets))) {
        const id = members[i]?.id ?? ''
        owned.set(id, (owned.get(id) ?? 0) + 1)
      }
    }
    return owned
  }

  /** For each data partition: by how many its owners in reach exceed a majority; negative if there is none. */
  #spareOwners(inReach: (id: string) => boolean): number[] {
    const { members, preference, change, buckets } = this.#parts.keeper.topology
    const n = widest(buckets)
    const spareIn = (order: readonly number[]): number => {
      const owners = order.slice(0, n)
      const there = owners.filter((i) => inReach(members[i]?.id ?? '')).length
      return there - majority(owners.length)
    }
    return preference.map((order, partition) => {
      const next = change?.phase === 'moving' ? change.other[partition] : undefined
      return next === undefined ? spareIn(order) : Math.min(spareIn(order), spareIn(next))
    })
  }

  #hints(): ClusterStatus['hints'] {
    const hints: Record<string, { pending: number; bytes: number; dropped: number }> = {}
    for (const [owner, { sizes, bytes, dropped }] of this.#parts.hints.owners()) {
      hints[owner] = { pending: sizes.size, bytes, dropped }
    }
    return hints
  }

  #storage(): ClusterStatus['storage'] {
    const { state, reason } = this.#parts.disk.health()
    return { state, reason }
  }

  #membership(): string {
    const { self, keeper } = this.#parts
    if (keeper.isMember(self)) return `${self} is a member`
    return `${self} is no longer a member (epoch ${keeper.epoch}): stop it and remove its data directory`
  }

  #copies(): string {
    return this.#parts.isFilling()
      ? 'being refilled from the other owners, and not read until that is complete'
      : 'complete'
  }

  #verdict(withoutQuorum: number, views: ReadonlyMap<string, View>): string {
    const { self, keeper, liveness, clock } = this.#parts
    const { members } = keeper.topology
    const away = members.filter(({ id }) => !liveness.reachable(id)).map(({ id }) => id)
    const storage = this.#storage()
    const disk = storage.state === 'ok' ? '' : ` ${self} takes no writes: ${storage.reason}.`
    const copies = this.#parts.isFilling() ? ` Its copies are ${this.#copies()}.` : ''
    const change = changeWords(keeper.topology)
    const refused = refusalWords(self, this.#parts.refusals.current())
    const stalled = stallWords(this.#parts.stall(), (id) => liveness.reachable(id))
    const more = `${disk}${this.#clocks()}${copies}${refused}${twinWords(views)}${stalled}${change === '' ? '' : ` ${change}`}`
    if (!members.some(({ id }) => id === self)) {
      return `${self} is not one of the ${members.length} members of the cluster: ask one of them.${more}`
    }
    const ahead = members.filter(({ id }) => clock.isRefused(id)).map(({ id }) => id)
    if (away.length === 0 && ahead.length === 0) {
      return `${self} reaches all ${members.length} members; reads and writes at quorum work for every key.${more}`
    }
    const lacks = [
      ...(away.length === 0 ? [] : [`does not reach ${away.join(', ')}`]),
      ...(ahead.length === 0 ? [] : [`does not believe the clock of ${ahead.join(', ')}`]),
    ]
    const share = Math.round((100 * (PARTITION_COUNT - withoutQuorum)) / PARTITION_COUNT)
    const quorum =
      withoutQuorum === 0 ? 'still work for every key' : `work for ${share} % of the keys`
    return (
      `${self} ${lacks.join(' and ')}: through ${self}, reads and writes at quorum ${quorum}, ` +
      `those at eventual for every key.${more}`
    )
  }

  /**
   * Sentences about members that refuse each other because of a clock. An operator has to correct the clock, or to
   * wait.
   */
  #clocks(): string {
    const { self, keeper, clock } = this.#parts
    const others = keeper.topology.members.map(({ id }) => id).filter((id) => id !== self)
    const { maxDriftMs } = clock
    const behind = others.filter((id) => (clock.offsetMs(id) ?? 0) < -maxDriftMs)
    const refused = others.filter((id) => clock.isRefused(id))
    const said: string[] = []
    if (behind.length > 0) {
      const seconds = Math.round(-(clock.offsetMs(behind[0] as string) ?? 0) / 1000)
      said.push(
        ` The clock of ${self} is ${seconds} s ahead of ${behind.join(', ')}, which refuse what it sends.`,
      )
    }
    if (clock.aheadMs > maxDriftMs) {
      const seconds = Math.ceil(clock.aheadMs / 1000)
      const waitSeconds = Math.ceil(clock.waitMs / 1000)
      said.push(
        ` The clock of ${self} was ${seconds} s ahead and has been set back: others refuse what it sends, and it takes no writes for another ${waitSeconds} s.` +
          ` To end that sooner, stop ${self}, delete its data directory and start it again: the others refill it, and writes that only it has are lost.`,
      )
    }
    if (clock.correctionMs > maxDriftMs) {
      const seconds = Math.round(clock.correctionMs / 1000)
      said.push(
        ` The members agree on a time that is ${seconds} s ahead of the clock of ${self}: reads, writes and ages use that time.`,
      )
    }
    for (const id of refused) {
      said.push(` ${self} refuses what ${id} sends: its clock is, or was, too far ahead.`)
    }
    return said.join('')
  }

  /** The node's copy of the key: an owner's record, or a fallback's hints. Null if it does not answer. */
  async #copyAt(node: string, role: 'owner' | 'fallback', at: Location): Promise<Copy | null> {
    const { self, replica, hints, peers, deadlines } = this.#parts
    if (node === self) {
      const copy = new Promise<Copy | null>((resolve) => {
        if (role === 'fallback') hints.read(at, (kept) => resolve(kept ?? null))
        else replica.read(at, (held) => resolve(held ?? null))
      })
      const late = (): Error => new Error('the disk of this node does not answer')
      return inTime(deadlines, RING_TIMEOUT_MS, copy, late).catch(() => null)
    }
    const format = role === 'owner' ? READ : READ_HINTS
    const deadlineMs = this.#nowMs() + RING_TIMEOUT_MS
    const reply = await peers.request(node, format, keyRequest(at), deadlineMs)
    if (reply.type !== 'ok') return null
    const { record } = reply.answer
    if (record.length === 0) return ABSENT_COPY
    const received = replica.receive(record)
    return 'code' in received ? null : received
  }

  #nowMs(): number {
    return this.#parts.clock.nowMs()
  }
}

/** The data partitions without a majority of their owners. */
function shortPartitions(spares: readonly number[]): number[] {
  return spares.flatMap((spare, partition) => (spare < 0 ? [partition] : []))
}

/** Every member reports a second process under one node id, even a member that is not one of the two. */
function twinWords(views: ReadonlyMap<string, View>): string {
  const refusing = new Map<string, string[]>()
  for (const [id, { twins }] of views) {
    for (const twin of twins) refusing.set(twin, [...(refusing.get(twin) ?? []), id])
  }
  const said = [...refusing].map(
    ([twin, ids]) => ` A second process has the node id ${twin}: ${ids.join(', ')} refuse it.`,
  )
  return said.join('')
}

function holdsOf(object: StoredObject, nowMs: number): NonNullable<RingEntry['holds']> {
  const live = liveSiblings(object, nowMs).length
  return {
    siblings: live,
    tombstones: object.siblings.length - live,
    dots: object.siblings.map(({ actor, timestamp }) => ({
      node: nodeOfActor(actor),
      actor,
      timestamp,
    })),
  }
}

function widest(buckets: readonly Bucket[]): number {
  return buckets.reduce((n, bucket) => Math.max(n, bucket.n), 1)
}
