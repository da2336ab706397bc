/**
 * Drives an interactive world as the page orders: it plays at a speed, steps, goes back and forth in time, and tells the
 * page what is to be seen. It knows nothing of threads.
 *
 * Invariant: one order or one slice of time is carried out at a time. Orders never wait for more than one slice.
 */
import { InteractiveWorld, type WorldView } from '../../simulation/interactive/interactive-world.ts'
import type { Verdict } from '../../simulation/interactive/judgement.ts'
import { END_MS_MAX, PlanError } from '../../simulation/interactive/timed-plan.ts'
import type { Followed } from '../../simulation/interactive/request-hops.ts'
import type { ChosenKey, News, Order } from './scene.ts'

/** The real time of the thread. */
export interface Pace {
  nowMs(): number
  after(ms: number, task: () => void): void
  /** Whether the page has drawn the scene that it got last. */
  isDrawn(): boolean
}

const FRAME_MS = 33
/** A slice of time takes about so long, so that the next order is soon obeyed. */
const SLICE_MS = 16
const SLICE_US_MIN = 20
const SLICE_US_MAX = 20_000_000
const STEP_US_MAX = 50_000
const END_US = END_MS_MAX * 1000
const LOG_LINES = 60
const SENT_BY_HAND_MAX = 10

export class RunDriver {
  readonly #pace: Pace
  readonly #tell: (news: News) => void
  #world: InteractiveWorld | undefined
  #key: ChosenKey = { bucket: 'default', key: 'cart' }
  #followed: Followed = 'newest'
  #sentByHand: readonly number[] = []
  #isPlaying = false
  #isTickDue = false
  #speed = 1
  #endUs = 0
  /** While it plays something that happened before, it stops where that ended. */
  #stopUs = END_US
  /** The instant of the world, and the real time, from which the speed is counted. */
  #from = { us: 0, ms: 0 }
  #sliceUs = 10_000
  #shownMs = -Infinity
  #arrivalsShown = 0
  #logShown = 0
  #verdict: { readonly key: string; readonly verdict: Verdict } | undefined
  /** Orders in the order of their arrival. */
  #turn: Promise<void> = Promise.resolve()
  #wanted = 0

  constructor(pace: Pace, tell: (news: News) => void) {
    this.#pace = pace
    this.#tell = tell
  }

  /** Resolves when the order is carried out, and shown or refused. */
  obey(order: Order): Promise<void> {
    // While a bar is dragged, only the last place counts.
    if (order.do === 'seek' || order.do === 'load') this.#wanted++
    const wanted = this.#wanted
    return this.#inTurn(async () => {
      await this.#carryOut(order, () => wanted === this.#wanted)
      this.#shownMs = -Infinity
    })
  }

  async #carryOut(order: Order, isWanted: () => boolean): Promise<void> {
    if (order.do === 'load') {
      const { plan } = order
      const endUs = Math.round(plan.endMs * 1000)
      const toUs = order.atUs ?? endUs
      this.#replace(new InteractiveWorld(plan))
      this.#followed = 'newest'
      this.#endUs = Math.max(endUs, toUs)
      await this.#reach(toUs, isWanted)
      return
    }
    const world = this.#world
    if (world === undefined) return
    switch (order.do) {
      case 'play':
        this.#play(world)
        break
      case 'pause':
        this.#isPlaying = false
        break
      case 'speed':
        this.#speed = order.speed
        this.#countFromHere(world)
        break
      case 'step':
        this.#isPlaying = false
        await this.#advance(world, nextArrival(world))
        break
      case 'seek':
        this.#isPlaying = false
        if (isWanted()) await this.#seek(world, order.toUs, isWanted)
        break
      case 'act':
        await world.forgetLater()
        await world.act(order.action)
        // A person wants to see what becomes of the request that was just sent.
        if ('client' in order.action) {
          if (isOneRequest(this.#followed)) this.#followed = 'newest'
          this.#noteSentByHand(world)
        }
        this.#endUs = world.nowUs
        this.#stopUs = END_US
        break
      case 'choose':
        this.#key = order.key
        break
      case 'follow':
        this.#followed = order.followed
        break
      default:
        order satisfies never
    }
  }

  #play(world: InteractiveWorld): void {
    this.#stopUs = world.nowUs < this.#endUs ? this.#endUs : END_US
    this.#countFromHere(world)
    this.#isPlaying = true
    this.#tickAfter(0)
  }

  /** Only one tick waits at a time, also if somebody pauses and plays at once. */
  #tickAfter(ms: number): void {
    if (this.#isTickDue) return
    this.#isTickDue = true
    this.#pace.after(ms, () => this.#tick())
  }

  #tick(): void {
    this.#isTickDue = false
    void this.#inTurn(async () => {
      const world = this.#world
      if (!this.#isPlaying || world === undefined) return
      const startMs = this.#pace.nowMs()
      const dueUs = this.#from.us + (startMs - this.#from.ms) * 1000 * this.#speed
      const toUs = Math.floor(Math.min(dueUs, this.#stopUs, world.nowUs + this.#sliceUs))
      const ranUs = Math.max(0, toUs - world.nowUs)
      await this.#advance(world, world.nowUs + ranUs)
      const tookMs = this.#pace.nowMs() - startMs
      this.#fitSlice(ranUs, tookMs)
      // The world cannot be simulated as fast as wanted, so it does not try to catch up.
      if (toUs < Math.floor(dueUs)) this.#countFromHere(world)
      // After a violation time stands still.
      const isStuck = world.nowUs < toUs
      if (world.nowUs >= this.#stopUs || isStuck) this.#isPlaying = false
      if (this.#isPlaying) this.#tickAfter(Math.max(0, SLICE_MS - tookMs))
    })
  }

  async #seek(world: InteractiveWorld, wishUs: number, isWanted: () => boolean): Promise<void> {
    const toUs = Math.round(Math.min(Math.max(0, wishUs), END_US))
    if (toUs < world.nowUs) this.#replace(new InteractiveWorld(world.plan))
    await this.#reach(toUs, isWanted)
  }

  /** Goes there in slices, and gives up if another place is wanted meanwhile. */
  async #reach(toUs: number, isWanted: () => boolean): Promise<void> {
    const world = this.#world
    while (world !== undefined && world.nowUs < toUs && isWanted()) {
      const startMs = this.#pace.nowMs()
      const beforeUs = world.nowUs
      await this.#advance(world, Math.min(toUs, world.nowUs + this.#sliceUs))
      this.#fitSlice(world.nowUs - beforeUs, this.#pace.nowMs() - startMs)
      // After a violation time stands still.
      if (world.nowUs === beforeUs) break
      await new Promise<void>((resolve) => this.#pace.after(0, resolve))
    }
  }

  async #advance(world: InteractiveWorld, toUs: number): Promise<void> {
    await world.advance(Math.min(toUs, END_US))
    this.#endUs = Math.max(this.#endUs, world.nowUs)
  }

  #replace(world: InteractiveWorld): void {
    this.#world = world
    this.#isPlaying = false
    this.#arrivalsShown = 0
    this.#logShown = 0
    this.#verdict = undefined
    // A run that is repeated is a plan.
    this.#sentByHand = []
  }

  #noteSentByHand(world: InteractiveWorld): void {
    const { requests } = world.view({ logFrom: Infinity, arrivalsFrom: Infinity })
    const newest = requests.at(-1)
    if (newest === undefined) return
    this.#sentByHand = [...this.#sentByHand, newest.number].slice(-SENT_BY_HAND_MAX)
  }

  #countFromHere({ nowUs }: InteractiveWorld): void {
    this.#from = { us: nowUs, ms: this.#pace.nowMs() }
  }

  #fitSlice(ranUs: number, tookMs: number): void {
    const isFull = ranUs >= this.#sliceUs
    const factor = tookMs > 1.5 * SLICE_MS ? 0.6 : isFull && tookMs < 0.7 * SLICE_MS ? 1.5 : 1
    this.#sliceUs = Math.round(
      Math.min(SLICE_US_MAX, Math.max(SLICE_US_MIN, this.#sliceUs * factor)),
    )
  }

  #show(): void {
    const world = this.#world
    if (world === undefined) return
    this.#shownMs = this.#pace.nowMs()
    const view = world.view({
      key: this.#key,
      followed: this.#followed,
      logFrom: Math.max(0, this.#logShown - LOG_LINES),
      arrivalsFrom: this.#arrivalsShown,
    })
    this.#arrivalsShown = view.arrivalEnd
    this.#logShown = view.logEnd
    const scene = {
      view: { ...view, log: view.log.slice(-LOG_LINES) },
      plan: { ...world.plan, endMs: this.#endUs / 1000 },
      verdict: this.#judged(world, view),
      followed: this.#followed,
      sentByHand: this.#sentByHand,
      endUs: this.#endUs,
      isPlaying: this.#isPlaying,
      speed: this.#speed,
    }
    this.#tell({ type: 'scene', scene })
  }

  /** The verdict changes only with the requests, and costs more than a look. */
  #judged(world: InteractiveWorld, { requests }: WorldView): Verdict {
    const key = requests.map(({ state }) => state).join()
    if (this.#verdict?.key !== key) this.#verdict = { key, verdict: world.judge() }
    return this.#verdict.verdict
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn
      .then(step)
      .catch((error: unknown) => this.#refuse(error))
      .then(() => this.#showInTime())
    return this.#turn
  }

  #refuse(error: unknown): void {
    this.#isPlaying = false
    const why = error instanceof PlanError ? error.message : `the lab has failed: ${String(error)}`
    this.#tell({ type: 'refused', message: why })
  }

  /** While time runs, the page gets as many pictures as it can draw. */
  #showInTime(): void {
    const isDue = this.#pace.nowMs() - this.#shownMs >= FRAME_MS && this.#pace.isDrawn()
    if (!this.#isPlaying || isDue) this.#show()
  }
}

function isOneRequest(followed: Followed): boolean {
  return typeof followed === 'object' && 'request' in followed
}

/** When the next frame arrives. */
function nextArrival(world: InteractiveWorld): number {
  const { flights } = world.view({ logFrom: Infinity, arrivalsFrom: Infinity })
  const due = flights.map(({ dueUs }) => dueUs).filter((us) => us > world.nowUs)
  return Math.min(world.nowUs + STEP_US_MAX, ...due)
}
