/**
 * Nodes of which only what decides the topology is there, on a virtual network and disks: as cluster-composition.ts
 * composes it, but for the data. Everything that any of them has ever held as a document is noted.
 */
import { expect } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import type { Bucket, Topology } from '../../../src/core/placement/topology.ts'
import { Arrival } from '../../../src/node/repair/arrival.ts'
import { DirectoryProof } from '../../../src/node/identity/directory-proof.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import { Liveness } from '../../../src/node/peers/liveness.ts'
import { distrust, forgetLives, migrate } from '../../../src/node/identity/migration.ts'
import { NodeClock } from '../../../src/node/identity/node-clock.ts'
import { NodeState, type StateName } from '../../../src/node/identity/node-state.ts'
import { takeIdentity } from '../../../src/node/identity/node-identity.ts'
import { PeerLives } from '../../../src/node/identity/peer-lives.ts'
import type { AskHandlers } from '../../../src/node/peers/ask-handlers.ts'
import { FramesIn } from '../../../src/node/peers/frames-in.ts'
import { memberAnswers } from '../../../src/node/peers/member-answers.ts'
import { Peers } from '../../../src/node/peers/peers.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'
import { topologyAnswers } from '../../../src/node/topology/topology-answers.ts'
import { TopologyAcceptor } from '../../../src/node/topology/topology-acceptor.ts'
import { encodeTopology } from '../../../src/node/topology/topology-document.ts'
import { TopologyKeeper } from '../../../src/node/topology/topology-keeper.ts'
import { TopologyRegister } from '../../../src/node/topology/topology-register.ts'
import type { Encodable } from '../../../src/ports/codec.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { Metrics } from '../../../src/ports/metrics.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { VirtualNetwork } from '../../../src/simulation/world/virtual-network.ts'
import { Wires } from '../../../src/simulation/world/wires.ts'

/** The longest that anything is waited for, in virtual time. */
const LIMIT_US = 120_000_000

const nothing = (): void => undefined
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const UNCOUNTED: Metrics = { count: nothing, gauge: nothing, seconds: nothing }

/** What is there while a process is. */
interface Life {
  readonly clock: NodeClock
  readonly keeper: TopologyKeeper
  readonly register: TopologyRegister
  readonly voter: TopologyAcceptor
  readonly arrival: Arrival
}

/** How a change of the document ended. */
export type End = 'ok' | 'rejected' | 'unknown' | 'died'

class VotingNode {
  readonly id: string
  readonly host: Host
  readonly platter: Platter
  readonly #cluster: VotingCluster
  readonly #random: SeededRandom
  #starts = 0
  isStarted = false
  life: Life | undefined

  constructor(cluster: VotingCluster, index: number) {
    this.id = cluster.ids[index] as string
    this.#cluster = cluster
    this.#random = cluster.random.child(this.id)
    this.host = new Host(this.id, index, cluster.schedule)
    this.platter = new Platter(this.#random)
  }

  async start(): Promise<void> {
    this.isStarted = true
    this.host.end()
    const { id: self, host } = this
    const random = this.#random.child(`life ${this.#starts++}`)
    const network = new VirtualNetwork(host, this.#cluster.wires)
    network.onGarbage = (error) => this.#cluster.broken.push(error)
    const disk = new VirtualDisk(this.platter, host, random)
    const timers = host.timers()
    const ports = {
      clock: host,
      timers,
      random,
      disk,
      network,
      codec: msgpackCodec,
      log: SILENT,
      metrics: UNCOUNTED,
    }
    const commits = new GroupCommit(ports)
    const state = await NodeState.load(disk, msgpackCodec, commits)
    const chance = (bound: number): number => random.below(bound)
    const { isLossy } = this.platter
    if (isLossy) await distrust(state)
    await forgetLives(state)
    await migrate(ports, commits, state)
    const { life } = await takeIdentity(state, self, Math.floor(host.wallMs()), chance)
    const proof = await DirectoryProof.load(state, isLossy)
    this.platter.isLossy = false
    const lives = new PeerLives(state.get('heard'))
    const clock = new NodeClock(ports, { state, lives, maxDriftMs: 500 })
    await clock.start()
    const keeper = new TopologyKeeper(ports, {
      self,
      state,
      members: this.#cluster.members,
      clock,
    })
    const peers = new Peers(ports, { clock, epochs: keeper, life })
    const incarnation = Math.floor(host.wallMs())
    const liveness = new Liveness(ports, { self, members: this.#cluster.ids, incarnation, peers })
    const members = (): string[] => keeper.topology.members.map(({ id }) => id)
    const isMember = (): boolean => keeper.isMember(self)
    const isLost = (): boolean => false
    const isProven = (): boolean => proof.isProven(keeper.topology.members.length)
    const joined = (member: string): void => proof.joined(member)
    const voter = new TopologyAcceptor(ports, {
      self,
      keeper,
      state,
      peers,
      clock,
      isProven,
      joined,
    })
    const register = new TopologyRegister(ports, { self, acceptor: voter, keeper, peers, clock })
    const lose = (heardUntil: number): Promise<void> => voter.lose(heardUntil)
    const arrival = new Arrival(ports, {
      self,
      members,
      isMember,
      isLost,
      peers,
      clock,
      proof,
      lose,
    })
    keeper.changed.listen((topology) => this.#cluster.note(self, topology))
    network.setPeers(this.#cluster.members.map(({ id, peerUrl }) => ({ id, url: peerUrl })))
    // Nothing else is asked here: there are no keys.
    const handlers = { ...topologyAnswers(keeper, voter), ...memberAnswers(lives, liveness) }
    new FramesIn(ports, {
      clock,
      epochs: keeper,
      lives,
      peers,
      handlers: handlers as AskHandlers,
    }).start()
    await network.start()
    liveness.start()
    voter.start()
    // As the horizon does: the bound goes on, and with it what has been heard is stored.
    timers.every(1000, () => void clock.mintFloor())
    this.#cluster.note(self, keeper.topology)
    this.life = { clock, keeper, register, voter, arrival }
    await arrival.start()
    // Copies there are none: everything is taken over at once.
    if (!this.#cluster.areFilled) return
    for (const id of this.#cluster.ids) if (id !== self) arrival.tookOver(id)
  }

  crash(): void {
    this.life = undefined
    this.isStarted = false
    this.#cluster.wires.leave(this.id, false)
    this.host.end()
    this.platter.endMachine()
    for (const die of this.#cluster.deaths.get(this.id) ?? []) die()
  }

  /** Puts it on the disk; the node is not started. */
  stored(name: StateName, value: readonly Encodable[]): void {
    const record = msgpackCodec.encode([...value])
    this.platter.restore(new Map([...this.platter.copy(), [metaKey(name), record]]))
  }

  /** What is on the disk. */
  saved(name: StateName): Encodable | undefined {
    const record = this.platter.get(metaKey(name))
    return record === undefined ? undefined : msgpackCodec.decode(record)
  }

  /** What is on the disk of its state as a voter. */
  get voted(): readonly Encodable[] | undefined {
    return this.saved('acceptor') as readonly Encodable[] | undefined
  }
}

export class VotingCluster {
  readonly schedule = new Schedule()
  readonly random: SeededRandom
  readonly wires: Wires
  readonly ids: readonly string[]
  readonly members
  readonly broken: unknown[] = []
  /** Whether nodes that have lost their copies get them back. */
  areFilled = true
  readonly deaths = new Map<string, Set<() => void>>()
  readonly #nodes: readonly VotingNode[]
  /** Epoch → the text of its document. */
  readonly #documents = new Map<number, string>()

  constructor(seed: string, count: number) {
    this.random = new SeededRandom(seed)
    this.wires = new Wires(this.schedule, this.random.child('wires'))
    this.ids = Array.from({ length: count }, (_, i) => `n${i + 1}`)
    this.members = this.ids.map((id) => ({ id, peerUrl: `sim://${id}`, zone: id }))
    this.note('first', firstTopology(this.members))
    this.#nodes = this.ids.map((_, i) => new VotingNode(this, i))
  }

  node(id: string): VotingNode {
    return this.#nodes.find((node) => node.id === id) as VotingNode
  }

  /** The life of a node that has one. */
  alive(id: string): Life {
    return this.node(id).life as Life
  }

  isStarted(id: string): boolean {
    return this.node(id).isStarted
  }

  start(id: string): void {
    this.node(id)
      .start()
      .catch((error: unknown) => this.broken.push(error))
  }

  async startAll(): Promise<void> {
    for (const id of this.ids) if (!this.isStarted(id)) this.start(id)
    await this.until(() => this.#nodes.every(({ life }) => life?.arrival.isProven === true))
  }

  /** Whether all others have heard of their earlier lives, and none has still to recall what it has lost. */
  areAllWhole(but: string): boolean {
    return this.#nodes
      .filter(({ id }) => id !== but)
      .every(({ id, life, voted }) => {
        const hasHeardAll = this.ids.every((peer) => peer === id || life?.arrival.mayTell(peer))
        return hasHeardAll && voted?.[4] !== true
      })
  }

  /** Of one epoch there is one document, whoever holds it. */
  note(node: string, topology: Topology): void {
    const text = encodeTopology(topology)
    const known = this.#documents.get(topology.epoch) ?? text
    if (known !== text) {
      this.broken.push(new Error(`${node} has another document of epoch ${topology.epoch}`))
    }
    this.#documents.set(topology.epoch, known)
  }

  async until(isDone: () => boolean): Promise<void> {
    await runSchedule(this.schedule, this.schedule.nowUs + LIMIT_US, isDone)
    if (!isDone()) throw new Error('it did not come within two minutes')
  }

  async pass(seconds: number): Promise<void> {
    await runSchedule(this.schedule, this.schedule.nowUs + seconds * 1_000_000)
  }

  /** Begins to add a bucket of that name, and to replace the voters where some are given. */
  begin(
    id: string,
    name: string,
    voters?: (current: Topology) => readonly string[],
    timeoutMs = 1500,
  ): Promise<End> {
    return this.propose(id, (current) => withBucket(current, name, voters), timeoutMs)
  }

  /** Begins any change of the document. */
  propose(
    id: string,
    change: (current: Topology) => Topology | undefined,
    timeoutMs = 1500,
  ): Promise<End> {
    return this.beginAct(id, ({ register }) => register.change(change, timeoutMs))
  }

  /** Begins something that changes the document. */
  beginAct(id: string, act: (life: Life) => Promise<unknown>): Promise<End> {
    const node = this.node(id)
    return new Promise((resolve) => {
      const { life } = node
      if (life === undefined) {
        resolve('died')
        return
      }
      const deaths = this.deaths.get(id) ?? new Set()
      this.deaths.set(
        id,
        deaths.add(() => resolve('died')),
      )
      node.host.run(() => {
        act(life).then(
          () => resolve('ok'),
          (error: unknown) => {
            if (error instanceof QuorateError) resolve(error.kind.outcome)
            else this.broken.push(error)
          },
        )
      })
    })
  }

  /** As `begin`, until its end. */
  async change(
    id: string,
    name: string,
    voters?: (current: Topology) => readonly string[],
  ): Promise<End> {
    return this.end(this.begin(id, name, voters))
  }

  async end(begun: Promise<End>): Promise<End> {
    let end: End | undefined
    void begun.then((how) => {
      end = how
    })
    await this.until(() => end !== undefined)
    return end as End
  }

  /** Until all hold the same document; gives the names in it. */
  async agreed(): Promise<string[]> {
    await this.agreedBut()
    return this.alive('n1').keeper.topology.buckets.map(({ name }) => name)
  }

  async agreedBut(...without: string[]): Promise<void> {
    const asked = this.#nodes.filter(({ id }) => !without.includes(id))
    await this.until(() => {
      const epochs = asked.map(({ life }) => life?.keeper.epoch)
      return epochs.every((epoch) => epoch !== undefined && epoch === epochs[0])
    })
    expect(this.broken).toEqual([])
  }

  /** Nothing of what `from` says reaches any of `to` from now on. */
  mute(from: string, to: readonly string[], kind: 'mute' | 'hold' = 'mute'): () => void {
    const cuts = to.filter((id) => id !== from).map((id) => this.wires.cut(from, id, kind))
    return () => {
      for (const cut of cuts) cut.undo()
    }
  }

  /** Neither side hears of the other. */
  part(some: readonly string[]): () => void {
    const others = this.ids.filter((id) => !some.includes(id))
    const undos = [
      ...some.map((id) => this.mute(id, others)),
      ...others.map((id) => this.mute(id, some)),
    ]
    return () => {
      for (const undo of undos) undo()
    }
  }
}

export function withBucket(
  current: Topology,
  name: string,
  voters?: (current: Topology) => readonly string[],
): Topology | undefined {
  if (current.buckets.some((bucket) => bucket.name === name)) return undefined
  const bucket: Bucket = {
    name,
    mode: 'siblings',
    n: 3,
    consistency: 'quorum',
    durability: 'sync',
    ttlSeconds: null,
  }
  return {
    ...current,
    epoch: current.epoch + 1,
    voters: voters?.(current) ?? current.voters,
    buckets: [...current.buckets, bucket],
  }
}
