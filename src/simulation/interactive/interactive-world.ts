/**
 * A cluster that a person drives: it runs a plan of timed actions step by step, can be looked at and judged at any
 * instant, and takes further actions in between. The same code runs on the command line and in a web page.
 *
 * Invariant: the seed and the actions with their times determine the whole run. Neither the size of the steps nor a look
 * at the world changes it. So the plan of a run repeats it, up to any instant.
 */
import { assert } from '../../core/assert.ts'
import { findUnbounded } from '../checks/bounds.ts'
import { SimulatedCluster } from '../cluster/simulated-cluster.ts'
import type { StoryLine } from '../record/sim-story.ts'
import { SETTINGS } from '../world/simulated-settings.ts'
import { type Action, atUs, type RequestAction, type TimedAction } from './action.ts'
import { FaultActions } from './fault-actions.ts'
import { judge, type Verdict } from './judgement.ts'
import {
  type ArrivalView,
  type FlightView,
  type RepairView,
  SeenMessages,
} from './seen-messages.ts'
import { type Followed, type HopsView, RequestHops } from './request-hops.ts'
import { type RequestView, TimedClients } from './timed-clients.ts'
import { checkPlan, END_MS_MAX, type TimedPlan } from './timed-plan.ts'
import {
  type KeyView,
  type LinkView,
  type NodeView,
  type OwnerSetView,
  viewKey,
  viewLinks,
  viewNodes,
  viewOwners,
  viewOwnerSets,
} from './world-view.ts'

/** The world at one instant, as plain data. */
export interface WorldView {
  readonly nowUs: number
  /** The trace hash of everything up to now. */
  readonly hash: string
  readonly violation: ViolationView | null
  readonly nodes: readonly NodeView[]
  readonly links: readonly LinkView[]
  readonly flights: readonly FlightView[]
  /** The frames that have arrived, from the wanted one on; only the newest ones are kept. */
  readonly arrivals: readonly ArrivalView[]
  /** The number of frames that have ever arrived. */
  readonly arrivalEnd: number
  /** The newest repairs, the oldest of them first. */
  readonly repairs: readonly RepairView[]
  /** Which nodes own keys together. Empty if no node runs. */
  readonly ownerSets: readonly OwnerSetView[]
  readonly requests: readonly RequestView[]
  /** The hops of the followed request; null if there is no such request. */
  readonly hops: HopsView | null
  /** The chosen key; null if no key is chosen. */
  readonly key: KeyView | null
  /** The lines of the log from the wanted one on. */
  readonly log: readonly StoryLine[]
  /** The number of lines of the whole log. */
  readonly logEnd: number
}

/** A promise that every run must keep. No further event runs after it is broken. */
export interface ViolationView {
  readonly invariant: string
  readonly message: string
}

export interface Look {
  readonly key?: { readonly bucket: string; readonly key: string } | undefined
  /** The request whose hops are shown: the newest one if there is none. */
  readonly followed?: Followed | undefined
  /** The first line of the log to include. */
  readonly logFrom?: number | undefined
  /** The first arrival to include. */
  readonly arrivalsFrom?: number | undefined
}

/** How often the bounds of memory and disk are checked (checks/bounds.ts). */
const BOUNDS_LOOK_US = 1_000_000

export class InteractiveWorld {
  #plan: TimedPlan
  readonly #cluster: SimulatedCluster
  readonly #clients: TimedClients
  readonly #faults: FaultActions
  readonly #messages = new SeenMessages()
  readonly #hops = new RequestHops()
  readonly #log: StoryLine[] = []
  /** The number of actions of the plan that have happened. */
  #applied = 0
  /** Resolves when all steps so far have ended. The next step waits for it, so that no two steps overlap. */
  #last: Promise<void> = Promise.resolve()

  /** Throws PlanError. */
  constructor(plan: TimedPlan) {
    this.#plan = checkPlan(plan)
    this.#cluster = new SimulatedCluster(this.#plan, {
      note: (at, node, text) => void this.#log.push({ atUs: at, node, text }),
      departs: (flight) => this.#hops.departs(flight),
      frame: (at, from, to, channel, frame) => {
        this.#hops.arrives(at, frame)
        this.#messages.take(at, from, to, channel, frame)
      },
    })
    this.#clients = new TimedClients(this.#cluster, {
      sent: (request) => {
        const { bucket, key } = request.action
        this.#hops.sent(request, viewOwners(this.#cluster, bucket, key))
      },
      taken: (request, deadlineMs) => this.#hops.taken(request, deadlineMs),
    })
    this.#faults = new FaultActions(this.#cluster)
    for (const node of this.#cluster.nodes.values()) node.start()
    this.#watchBounds()
  }

  /** A new world of the same plan at that instant. */
  static async replayed(plan: TimedPlan, toUs: number): Promise<InteractiveWorld> {
    const world = new InteractiveWorld(plan)
    await world.advance(toUs)
    return world
  }

  get nowUs(): number {
    return this.#cluster.schedule.nowUs
  }

  /** All actions so far and those to come. It ends now, or at its last action if that comes later. */
  get plan(): TimedPlan {
    const lastMs = this.#plan.actions.at(-1)?.atMs ?? 0
    return { ...this.#plan, endMs: Math.max(this.nowUs / 1000, lastMs) }
  }

  /** Runs everything up to that time, which must not be before the present. After a violation it does nothing. */
  advance(toUs: number): Promise<void> {
    return this.#inTurn(() => {
      assert(toUs <= END_MS_MAX * 1000, 'a world does not run for ever')
      assert(toUs >= this.nowUs, 'time never goes back: replay the plan instead')
      return this.#advance(toUs)
    })
  }

  /** Does something now, and records it in the plan. Rejects with PlanError. */
  act(action: Action): Promise<void> {
    return this.#inTurn(() => {
      const timed: TimedAction = { ...action, atMs: this.nowUs / 1000 }
      // It goes behind the actions that have happened, also those of the same time. So a replay has the same order.
      const actions = this.#plan.actions.toSpliced(this.#applied, 0, timed)
      this.#plan = checkPlan({ ...this.plan, actions })
      return this.#advance(this.nowUs)
    })
  }

  /** Drops the actions of the plan that have not happened yet. */
  forgetLater(): Promise<void> {
    return this.#inTurn(() => {
      this.#plan = { ...this.#plan, actions: this.#plan.actions.slice(0, this.#applied) }
      return Promise.resolve()
    })
  }

  view({ key, followed = 'newest', logFrom = 0, arrivalsFrom = 0 }: Look = {}): WorldView {
    const cluster = this.#cluster
    const { violation } = cluster
    const flights = cluster.wires.flights()
    const onWay = new Set(flights.map(({ frame }) => frame))
    return {
      nowUs: this.nowUs,
      hash: cluster.hash,
      violation: violation ? { invariant: violation.invariant, message: violation.message } : null,
      nodes: viewNodes(cluster),
      links: viewLinks(cluster, (from, to) => this.#faults.cutOf(from, to)),
      flights: flights.map((flight) => this.#messages.view(flight)),
      arrivals: this.#messages.arrivals(arrivalsFrom),
      arrivalEnd: this.#messages.arrivalEnd,
      repairs: [...this.#messages.repairs],
      ownerSets: viewOwnerSets(cluster),
      requests: this.#clients.requests.map((request) => ({ ...request })),
      hops: this.#hops.view(followed, onWay, this.nowUs),
      key: key === undefined ? null : viewKey(cluster, key.bucket, key.key),
      log: this.#log.slice(logFrom),
      logEnd: this.#log.length,
    }
  }

  /** Judges all that the clients have seen up to now. */
  judge(): Verdict {
    return judge(this.#clients.history, (index) => this.#clients.requestOfEvent(index))
  }

  get counts(): SimulatedCluster['counts'] {
    return this.#cluster.counts
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(step)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** An action happens after all events that are due at its time, so that it does not matter when it was planned. */
  async #advance(toUs: number): Promise<void> {
    const cluster = this.#cluster
    await cluster.watched(async () => {
      for (;;) {
        const action = this.#plan.actions[this.#applied]
        if (action === undefined || atUs(action) > toUs) break
        await cluster.until(atUs(action))
        this.#applied++
        this.#apply(action)
      }
      await cluster.until(toUs)
    })
  }

  #apply(action: TimedAction): void {
    if (isRequest(action)) this.#clients.apply(action)
    else this.#faults.apply(action)
  }

  #watchBounds(): void {
    const { schedule, nodes } = this.#cluster
    const look = (): void => {
      const unbounded = findUnbounded(nodes.values(), SETTINGS.hintBytesPerOwnerMax)
      if (unbounded !== undefined) this.#cluster.broken('a bound is exceeded', unbounded)
      schedule.after(BOUNDS_LOOK_US, look)
    }
    schedule.after(BOUNDS_LOOK_US, look)
  }
}

function isRequest(action: TimedAction): action is TimedAction & RequestAction {
  return action.do === 'get' || action.do === 'put' || action.do === 'delete'
}
