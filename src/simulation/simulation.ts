/**
 * One run: it makes a world from a plan, runs clients and faults in it, heals it, and checks what must hold when
 * everything has come to rest.
 *
 * Invariant: the same plan gives the same run, event by event.
 */
import type { NodeSettings } from '../node/node-settings.ts'
import { SeededRandom } from '../random/seeded-random.ts'
import type { Bucket } from '../core/placement/topology.ts'
import { findUnbounded } from './checks/bounds.ts'
import { Client, type Work } from './clients/client.ts'
import { type ClusterAtRest, findViolationAtRest } from './checks/at-rest.ts'
import { SKEW_ALL } from './plan/sim-fault.ts'
import { ClockStamps } from './checks/clock-stamps.ts'
import { Nemesis } from './nemesis/sim-nemesis.ts'
import { FORBIDDEN_LOG_MESSAGES } from './checks/forbidden-log-messages.ts'
import { faultsOf, nodeIds, type Plan } from './plan/plan.ts'
import { RETURN_US, returningWrites, TOOK_NO_WRITE } from './checks/returning-writes.ts'
import type { RunResult } from './run-result.ts'
import { runSchedule, Schedule } from './world/schedule.ts'
import { LostVotes } from './nemesis/lost-votes.ts'
import { MembershipNemesis, newestTopology } from './nemesis/sim-membership.ts'
import { type NodeEvents, SimulatedNode } from './world/simulated-node.ts'
import { SETTINGS } from './world/simulated-settings.ts'
import { isHeldElsewhere, isKeyElsewhere } from './nemesis/spare-copies.ts'
import type { Story } from './record/sim-story.ts'
import { Trace, TRACE_CALL, TRACE_FAULT, TRACE_FRAME, TRACE_LINK } from './record/trace.ts'
import { Violation } from './checks/violation.ts'
import { WatchReaders } from './clients/watch-readers.ts'
import { readFinally } from './clients/final-reads.ts'
import { Wires } from './world/wires.ts'
import { bucketsOf, makeWorkloads } from './clients/sim-workloads.ts'
import type { Workload } from './clients/client-workload.ts'
import { xxh32 } from '../core/hash/xxh32.ts'

/** How long requests that are under way at the end of the load may take. */
const DRAIN_US = 60_000_000
/** How long the cluster may take to come to rest after all faults have ended. */
const REST_US = 240_000_000
const REST_LOOK_US = 2_000_000
/** How long readers may take to know everything in a cluster at rest. The slow ones need most of it. */
const PICTURES_US = 120_000_000
const BOUNDS_LOOK_US = 1_000_000
const BUCKET_RETRY_US = 100_000

/** `story` records all events. The clients do the workloads of the plan, unless others are given. */
export async function simulate(
  plan: Plan,
  story?: Story,
  workloads: readonly Workload[] = makeWorkloads(plan),
): Promise<RunResult> {
  const world = new World(plan, story)
  let violation: Violation | undefined
  const onRejection = (error: unknown): void => world.broken('unhandled-rejection', error)
  process.on('unhandledRejection', onRejection)
  try {
    await world.run(workloads)
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    violation = error
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  return world.result(violation)
}

class World {
  readonly #plan: Plan
  readonly #story: Story | undefined
  readonly #schedule = new Schedule()
  readonly #trace = new Trace()
  readonly #random: SeededRandom
  readonly #wires: Wires
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #nemesis: Nemesis
  readonly #events: NodeEvents
  #violation: Violation | undefined
  readonly #stamps = new ClockStamps()
  #calls = 0
  #messages = 0

  constructor(plan: Plan, story: Story | undefined) {
    this.#plan = plan
    this.#story = story
    this.#random = new SeededRandom(plan.seed)
    this.#wires = new Wires(this.#schedule, this.#random.child('wires'))
    this.#wires.onFrame = ({ from, to, channel, frame }, atUs) => {
      this.#trace.note(TRACE_FRAME, atUs | 0, xxh32(frame), frame.length)
      this.#story?.frame(atUs, from, to, channel, frame)
    }
    this.#wires.onSend = (from, frame) => {
      const wentBack = this.#stamps.check(from, frame)
      if (wentBack !== undefined) this.#fail(wentBack)
    }
    this.#wires.onLink = (from, to, isOpen) => {
      this.#trace.noteText(TRACE_LINK, this.#schedule.nowUs, `${from}>${to} ${isOpen}`)
      this.#tell(from, `link to ${to} ${isOpen ? 'opens' : 'closes'}`)
    }
    const ids = nodeIds(plan.nodes)
    const members = ids.map((id) => ({ id, peerUrl: `sim://${id}`, zone: id }))
    this.#events = {
      onBroken: (node: string, error: unknown) => this.broken(`broken ${node}`, error),
      onMessages: (count: number) => {
        this.#messages += count
      },
      onLog: (node: string, level: string, fields: object, message: string) => {
        if (FORBIDDEN_LOG_MESSAGES.has(message)) {
          this.broken(message, new Error(`${node}: ${JSON.stringify(fields)}`))
        }
        if (this.#story !== undefined && level !== 'debug') {
          this.#tell(node, `${message} ${JSON.stringify(fields)}`)
        }
      },
    }
    for (const id of ids) this.#build(id, members)
    const votes = new LostVotes(this.#nodes)
    const onDirectory = (node: string): void => {
      this.#stamps.forget(node)
      votes.lose(node)
    }
    const mayLoseData = (node: string, backup?: ReadonlyMap<string, Uint8Array>): boolean =>
      votes.mayLose(node) && isHeldElsewhere(this.#nodes, node, backup)
    const membership = new MembershipNemesis({
      schedule: this.#schedule,
      nodes: this.#nodes,
      build: (id) => this.#build(id, undefined),
      mayLoseData: (node) => !this.#nemesis.twins.isOn && mayLoseData(node),
      onDirectory,
    })
    this.#nemesis = new Nemesis(
      {
        schedule: this.#schedule,
        wires: this.#wires,
        nodes: this.#nodes,
        onFault: (text, nodes) => {
          this.#trace.noteText(TRACE_FAULT, this.#schedule.nowUs, text)
          for (const node of nodes.length === 0 ? this.#nodes.keys() : nodes) {
            this.#tell(node, `*** ${text}`)
          }
        },
        isMember: (id) => this.#isMember(id),
        change: (fault) => (this.#nemesis.twins.isOn ? undefined : membership.begin(fault)),
        onDirectory,
        mayLoseData,
        // A node that joined knows its cluster only from its directory, so a twin with an empty one cannot start.
        buildTwin: (id, address) =>
          ids.includes(id) ? this.#machine(id, members, address) : undefined,
        mayRot: (node, key) =>
          key.startsWith('p/') || (key.startsWith('d/') && isKeyElsewhere(this.#nodes, node, key)),
      },
      faultsOf(plan),
    )
  }

  /** Makes a machine of the world. Without `members` it becomes a member by a change. */
  #build(id: string, members: NodeSettings['members'] | undefined): SimulatedNode {
    const node = this.#machine(id, members ?? [], id, members === undefined)
    this.#nodes.set(id, node)
    return node
  }

  #machine(
    nodeId: string,
    members: NodeSettings['members'],
    address: string,
    isNewcomer = false,
  ): SimulatedNode {
    return new SimulatedNode(
      this.#nodes.size,
      this.#schedule,
      this.#wires,
      { ...SETTINGS, nodeId, members },
      this.#random.child(address),
      this.#events,
      isNewcomer,
      address,
    )
  }

  async run(workloads: readonly Workload[]): Promise<void> {
    for (const node of this.#nodes.values()) node.start()
    for (const bucket of bucketsOf(this.#plan)) await this.#createBucket(bucket)
    const clients = this.#startClients(workloads.map(({ work }) => work))
    const readers = this.#startReaders()
    while (this.#schedule.nowUs < this.#plan.seconds * 1_000_000) {
      await this.#until(Math.min(this.#schedule.nowUs + BOUNDS_LOOK_US, this.#plan.seconds * 1e6))
      const unbounded = findUnbounded(this.#nodes.values(), SETTINGS.hintBytesPerOwnerMax)
      if (unbounded !== undefined) throw unbounded
    }
    for (const client of clients) client.stop()
    this.#nemesis.heal()
    for (const node of this.#nodes.values()) node.start()
    await this.#awaitTwinsEnd()
    await this.#until(this.#schedule.nowUs + DRAIN_US, () => clients.every(({ isBusy }) => !isBusy))
    if (clients.some(({ isBusy }) => isBusy)) {
      throw new Violation('stuck', 'a request did not end after all faults had been healed')
    }
    if (this.#plan.nemesis.includes(SKEW_ALL)) await this.#expectWritesAccepted()
    await this.#comeToRest()
    for (const workload of workloads) await this.#finalReads(workload)
    if (!readers.isEmpty) await this.#awaitEqualPictures(readers)
    await this.#comeToRest()
  }

  result(violation: Violation | undefined): RunResult {
    return {
      plan: this.#plan,
      violation,
      hash: this.#trace.hash(),
      simulatedMs: Math.round(this.#schedule.nowUs / 1000),
      events: this.#schedule.events,
      messages: this.#messages,
      frames: this.#wires.frames,
      bytes: this.#wires.bytes,
      faults: this.#nemesis.faults,
      calls: this.#calls,
    }
  }

  broken(what: string, error: unknown): void {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#fail(
      error instanceof Violation
        ? error
        : new Violation('broken', `${what}: ${told}`, undefined, { cause: error }),
    )
  }

  #fail(violation: Violation): void {
    if (this.#violation !== undefined) return
    this.#violation = violation
    this.#story?.note(this.#schedule.nowUs, undefined, `VIOLATION ${violation.message}`)
  }

  #tell(node: string, text: string): void {
    this.#story?.note(this.#schedule.nowUs, node, text)
  }

  /** Runs the world until `untilUs` or until `isDone`; throws the first violation. */
  async #until(untilUs: number, isDone: () => boolean = () => false): Promise<void> {
    try {
      await runSchedule(this.#schedule, untilUs, () => this.#violation !== undefined || isDone())
    } catch (error) {
      this.broken('an event threw', error)
    }
    if (this.#violation !== undefined) throw this.#violation
  }

  /** Creates a bucket before the faults begin. It must succeed as soon as the nodes have found each other. */
  async #createBucket(bucket: Bucket): Promise<void> {
    const node = this.#nodes.get('n1') as SimulatedNode
    let isDone = false
    const attempt = (): void => {
      if (!node.isUp) return void this.#schedule.after(BUCKET_RETRY_US, attempt)
      node.call(
        (service) => service.createBucket(bucket, 1000),
        (end) => {
          isDone = end.type === 'answered'
          if (!isDone) this.#schedule.after(BUCKET_RETRY_US, attempt)
        },
      )
    }
    attempt()
    await this.#until(this.#schedule.nowUs + DRAIN_US, () => isDone)
    if (isDone) return
    throw new Violation('unavailable', `the bucket ${bucket.name} could not be created`)
  }

  #startClients(works: readonly Work[]): Client[] {
    return Array.from({ length: this.#plan.clients }, (_, i) => {
      const name = `c${i + 1}`
      return new Client(
        name,
        {
          schedule: this.#schedule,
          nodes: () => this.#askedNodes(),
          random: this.#random.child(name),
          onCall: (node, text) => this.#onCall(node, text),
          onViolation: (error) => this.broken('a client failed', error),
          hasTwin: (node) => this.#nemesis.twins.isOf(node),
        },
        works,
      )
    })
  }

  #startReaders(): WatchReaders {
    return new WatchReaders(this.#plan, {
      schedule: this.#schedule,
      nodes: () => this.#askedNodes(),
      random: this.#random.child('readers'),
      onCall: (node, text) => this.#onCall(node, text),
      onViolation: (error) => this.broken('a reader failed', error),
    })
  }

  #askedNodes(): SimulatedNode[] {
    const twins = this.#nemesis.twins.machines
    return [...this.#nodes.values(), ...twins].filter(({ isGone }) => !isGone)
  }

  async #awaitEqualPictures(readers: WatchReaders): Promise<void> {
    const endUs = this.#schedule.nowUs + PICTURES_US
    const [member] = this.#members() as [SimulatedNode]
    for (;;) {
      let difference: Violation | undefined
      let hasLooked = false
      readers.look(member, (found) => {
        difference = found
        hasLooked = true
      })
      await this.#until(this.#schedule.nowUs + DRAIN_US, () => hasLooked)
      if (hasLooked && difference === undefined) return readers.stop()
      if (this.#schedule.nowUs >= endUs) {
        throw difference ?? new Violation('stuck', 'a node does not list the keys of its buckets')
      }
      await this.#until(this.#schedule.nowUs + REST_LOOK_US)
    }
  }

  #onCall(node: string, text: string): void {
    this.#calls++
    this.#trace.noteText(TRACE_CALL, this.#schedule.nowUs, text)
    this.#tell(node, text)
  }

  async #awaitTwinsEnd(): Promise<void> {
    await this.#until(this.#schedule.nowUs + REST_US, () => !this.#nemesis.twins.isOn)
    if (!this.#nemesis.twins.isOn) return
    throw new Violation('stuck', 'a node did not merge the data of its two directories')
  }

  async #expectWritesAccepted(): Promise<void> {
    const waiting = returningWrites(this.#schedule, this.#members())
    await this.#until(this.#schedule.nowUs + RETURN_US, () => waiting.size === 0)
    // A node that a change has removed meanwhile takes no writes.
    const refused = [...waiting].filter(([node]) => this.#isMember(node))
    if (refused.length === 0) return
    const why = refused.map(([node, reason]) => `${node} (${reason})`).join(', ')
    throw new Violation('unavailable', `${why} ${TOOK_NO_WRITE}`)
  }

  /** Waits until all owners hold the same copies, nothing is queued, and everything collectable is collected. */
  async #comeToRest(): Promise<void> {
    const endUs = this.#schedule.nowUs + REST_US
    let unrest: Violation | undefined
    do {
      await this.#until(this.#schedule.nowUs + REST_LOOK_US)
      unrest = await this.#look()
    } while (unrest !== undefined && this.#schedule.nowUs < endUs)
    if (unrest !== undefined) throw unrest
  }

  async #look(): Promise<Violation | undefined> {
    const cluster: ClusterAtRest = { nodes: this.#members(), formerMembers: this.#formerMembers() }
    let found: Violation | undefined
    let hasEnded = false
    findViolationAtRest(cluster).then(
      (unrest) => {
        found = unrest
        hasEnded = true
      },
      (error: unknown) => this.broken('a check at rest failed', error),
    )
    await this.#until(this.#schedule.nowUs + DRAIN_US, () => hasEnded)
    if (!hasEnded) return new Violation('stuck', 'a node did not answer the check of its data')
    return found
  }

  /** Decides by the newest topology of the running machines. While no machine is up, all machines count as members. */
  #isMember(id: string): boolean {
    const node = this.#nodes.get(id)
    if (node === undefined || node.isGone) return false
    const members = newestTopology(this.#nodes.values())?.members
    return members === undefined || members.some((member) => member.id === id)
  }

  #members(): SimulatedNode[] {
    const ids = newestTopology(this.#nodes.values())?.members.map(({ id }) => id) ?? []
    return ids.flatMap((id) => this.#nodes.get(id) ?? [])
  }

  /** Machines that are no longer members, and know that. */
  #formerMembers(): SimulatedNode[] {
    return [...this.#nodes.values()].filter(({ id, isUp, service }) => {
      const own = isUp ? service?.topology() : undefined
      return own?.members.every((member) => member.id !== id) === true
    })
  }

  #finalReads(workload: Workload): Promise<void> {
    return readFinally(workload, this.#members(), {
      random: (attempt) => this.#random.child(`final ${attempt}`),
      nowUs: () => this.#schedule.nowUs,
      onCall: (node, text) => this.#onCall(node, text),
      onBroken: (error) => this.broken('a final read failed', error),
      until: (isDone) => this.#until(this.#schedule.nowUs + DRAIN_US, isDone),
    })
  }
}
