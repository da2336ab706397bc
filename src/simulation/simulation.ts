/**
 * One run: it makes a world from a plan, runs clients and faults in it, heals it, and checks what must hold when
 * everything has come to rest.
 *
 * Invariant: the same plan gives the same run, event by event.
 */
import type { Bucket } from '../core/placement/topology.ts'
import { findUnbounded } from './checks/bounds.ts'
import { Client, type Work } from './clients/client.ts'
import { type ClusterAtRest, findViolationAtRest } from './checks/at-rest.ts'
import { SKEW_ALL } from './plan/sim-fault.ts'
import { Nemesis } from './nemesis/sim-nemesis.ts'
import { faultsOf, type Plan } from './plan/plan.ts'
import { RETURN_US, returningWrites, TOOK_NO_WRITE } from './checks/returning-writes.ts'
import type { RunResult } from './run-result.ts'
import { LostVotes } from './nemesis/lost-votes.ts'
import { MembershipNemesis } from './nemesis/sim-membership.ts'
import { SimulatedCluster } from './cluster/simulated-cluster.ts'
import type { SimulatedNode } from './world/simulated-node.ts'
import { SETTINGS } from './world/simulated-settings.ts'
import { isHeldElsewhere, isKeyElsewhere } from './nemesis/spare-copies.ts'
import type { Story } from './record/sim-story.ts'
import { Violation } from './checks/violation.ts'
import { WatchReaders } from './clients/watch-readers.ts'
import { readFinally } from './clients/final-reads.ts'
import { bucketsOf, makeWorkloads } from './clients/sim-workloads.ts'
import type { Workload } from './clients/client-workload.ts'

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
  const run = new Run(plan, story)
  return run.result(await run.cluster.watched(() => run.run(workloads)))
}

class Run {
  readonly cluster: SimulatedCluster
  readonly #plan: Plan
  readonly #nemesis: Nemesis

  constructor(plan: Plan, story: Story | undefined) {
    this.#plan = plan
    const cluster = new SimulatedCluster(plan, story)
    this.cluster = cluster
    const { schedule, wires, nodes } = cluster
    const votes = new LostVotes(nodes)
    const onDirectory = (node: string): void => {
      cluster.forgetStamp(node)
      votes.lose(node)
    }
    const mayLoseData = (node: string, backup?: ReadonlyMap<string, Uint8Array>): boolean =>
      votes.mayLose(node) && isHeldElsewhere(nodes, node, backup)
    const membership = new MembershipNemesis({
      schedule,
      nodes,
      build: (id) => cluster.buildNewcomer(id),
      mayLoseData: (node) => !this.#nemesis.twins.isOn && mayLoseData(node),
      onDirectory,
    })
    this.#nemesis = new Nemesis(
      {
        schedule,
        wires,
        nodes,
        onFault: (text, hit) => cluster.onFault(text, hit),
        isMember: (id) => cluster.isMember(id),
        change: (fault) => (this.#nemesis.twins.isOn ? undefined : membership.begin(fault)),
        onDirectory,
        mayLoseData,
        buildTwin: (id, address) => cluster.buildTwin(id, address),
        mayRot: (node, key) =>
          key.startsWith('p/') || (key.startsWith('d/') && isKeyElsewhere(nodes, node, key)),
      },
      faultsOf(plan),
    )
  }

  async run(workloads: readonly Workload[]): Promise<void> {
    const { cluster } = this
    const { nodes, schedule } = cluster
    for (const node of nodes.values()) node.start()
    for (const bucket of bucketsOf(this.#plan)) await this.#createBucket(bucket)
    const clients = this.#startClients(workloads.map(({ work }) => work))
    const readers = this.#startReaders()
    while (schedule.nowUs < this.#plan.seconds * 1_000_000) {
      await cluster.until(Math.min(schedule.nowUs + BOUNDS_LOOK_US, this.#plan.seconds * 1e6))
      const unbounded = findUnbounded(nodes.values(), SETTINGS.hintBytesPerOwnerMax)
      if (unbounded !== undefined) throw unbounded
    }
    for (const client of clients) client.stop()
    this.#nemesis.heal()
    for (const node of nodes.values()) node.start()
    await this.#awaitTwinsEnd()
    await cluster.until(schedule.nowUs + DRAIN_US, () => clients.every(({ isBusy }) => !isBusy))
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
    const { cluster } = this
    return {
      plan: this.#plan,
      violation,
      hash: cluster.hash,
      simulatedMs: Math.round(cluster.schedule.nowUs / 1000),
      frames: cluster.wires.frames,
      bytes: cluster.wires.bytes,
      faults: this.#nemesis.faults,
      ...cluster.counts,
    }
  }

  /** Creates a bucket before the faults begin. It must succeed as soon as the nodes have found each other. */
  async #createBucket(bucket: Bucket): Promise<void> {
    const node = this.cluster.nodes.get('n1') as SimulatedNode
    let isDone = false
    const attempt = (): void => {
      if (!node.isUp) return void this.cluster.schedule.after(BUCKET_RETRY_US, attempt)
      node.call(
        (service) => service.createBucket(bucket, 1000),
        (end) => {
          isDone = end.type === 'answered'
          if (!isDone) this.cluster.schedule.after(BUCKET_RETRY_US, attempt)
        },
      )
    }
    attempt()
    await this.cluster.until(this.cluster.schedule.nowUs + DRAIN_US, () => isDone)
    if (isDone) return
    throw new Violation('unavailable', `the bucket ${bucket.name} could not be created`)
  }

  #startClients(works: readonly Work[]): Client[] {
    return Array.from({ length: this.#plan.clients }, (_, i) => {
      const name = `c${i + 1}`
      return new Client(
        name,
        {
          schedule: this.cluster.schedule,
          nodes: () => this.#askedNodes(),
          random: this.cluster.random.child(name),
          onCall: (node, text) => this.cluster.onCall(node, text),
          onViolation: (error) => this.cluster.broken('a client failed', error),
          hasTwin: (node) => this.#nemesis.twins.isOf(node),
        },
        works,
      )
    })
  }

  #startReaders(): WatchReaders {
    return new WatchReaders(this.#plan, {
      schedule: this.cluster.schedule,
      nodes: () => this.#askedNodes(),
      random: this.cluster.random.child('readers'),
      onCall: (node, text) => this.cluster.onCall(node, text),
      onViolation: (error) => this.cluster.broken('a reader failed', error),
    })
  }

  #askedNodes(): SimulatedNode[] {
    const twins = this.#nemesis.twins.machines
    return [...this.cluster.nodes.values(), ...twins].filter(({ isGone }) => !isGone)
  }

  async #awaitEqualPictures(readers: WatchReaders): Promise<void> {
    const endUs = this.cluster.schedule.nowUs + PICTURES_US
    const [member] = this.cluster.members() as [SimulatedNode]
    for (;;) {
      let difference: Violation | undefined
      let hasLooked = false
      readers.look(member, (found) => {
        difference = found
        hasLooked = true
      })
      await this.cluster.until(this.cluster.schedule.nowUs + DRAIN_US, () => hasLooked)
      if (hasLooked && difference === undefined) return readers.stop()
      if (this.cluster.schedule.nowUs >= endUs) {
        throw difference ?? new Violation('stuck', 'a node does not list the keys of its buckets')
      }
      await this.cluster.until(this.cluster.schedule.nowUs + REST_LOOK_US)
    }
  }

  async #awaitTwinsEnd(): Promise<void> {
    await this.cluster.until(this.cluster.schedule.nowUs + REST_US, () => !this.#nemesis.twins.isOn)
    if (!this.#nemesis.twins.isOn) return
    throw new Violation('stuck', 'a node did not merge the data of its two directories')
  }

  async #expectWritesAccepted(): Promise<void> {
    const waiting = returningWrites(this.cluster.schedule, this.cluster.members())
    await this.cluster.until(this.cluster.schedule.nowUs + RETURN_US, () => waiting.size === 0)
    // A node that a change has removed meanwhile takes no writes.
    const refused = [...waiting].filter(([node]) => this.cluster.isMember(node))
    if (refused.length === 0) return
    const why = refused.map(([node, reason]) => `${node} (${reason})`).join(', ')
    throw new Violation('unavailable', `${why} ${TOOK_NO_WRITE}`)
  }

  /** Waits until all owners hold the same copies, nothing is queued, and everything collectable is collected. */
  async #comeToRest(): Promise<void> {
    const endUs = this.cluster.schedule.nowUs + REST_US
    let unrest: Violation | undefined
    do {
      await this.cluster.until(this.cluster.schedule.nowUs + REST_LOOK_US)
      unrest = await this.#look()
    } while (unrest !== undefined && this.cluster.schedule.nowUs < endUs)
    if (unrest !== undefined) throw unrest
  }

  async #look(): Promise<Violation | undefined> {
    const cluster: ClusterAtRest = {
      nodes: this.cluster.members(),
      formerMembers: this.#formerMembers(),
    }
    let found: Violation | undefined
    let hasEnded = false
    findViolationAtRest(cluster).then(
      (unrest) => {
        found = unrest
        hasEnded = true
      },
      (error: unknown) => this.cluster.broken('a check at rest failed', error),
    )
    await this.cluster.until(this.cluster.schedule.nowUs + DRAIN_US, () => hasEnded)
    if (!hasEnded) return new Violation('stuck', 'a node did not answer the check of its data')
    return found
  }

  /** Machines that are no longer members, and know that. */
  #formerMembers(): SimulatedNode[] {
    return [...this.cluster.nodes.values()].filter(({ id, isUp, service }) => {
      const own = isUp ? service?.topology() : undefined
      return own?.members.every((member) => member.id !== id) === true
    })
  }

  #finalReads(workload: Workload): Promise<void> {
    return readFinally(workload, this.cluster.members(), {
      random: (attempt) => this.cluster.random.child(`final ${attempt}`),
      nowUs: () => this.cluster.schedule.nowUs,
      onCall: (node, text) => this.cluster.onCall(node, text),
      onBroken: (error) => this.cluster.broken('a final read failed', error),
      until: (isDone) => this.cluster.until(this.cluster.schedule.nowUs + DRAIN_US, isDone),
    })
  }
}
