/** What the page and the thread of the world tell each other: plain data. */
import type { Action } from '../../simulation/interactive/action.ts'
import type { WorldView } from '../../simulation/interactive/interactive-world.ts'
import type { Followed } from '../../simulation/interactive/request-hops.ts'
import type { LevelVerdict, Verdict } from '../../simulation/interactive/judgement.ts'
import type { TimedPlan } from '../../simulation/interactive/timed-plan.ts'

/** Everything that the page shows of the run at one instant. */
export interface Scene {
  readonly view: WorldView
  /** What was done, and what is still to come after somebody went back in time. */
  readonly plan: TimedPlan
  readonly verdict: Verdict
  /** Of which request the hops are shown. */
  readonly followed: Followed
  /** The numbers of the newest requests that were sent by hand, and not by the plan. */
  readonly sentByHand: readonly number[]
  /** The end of the time line: the latest instant that was reached or is planned. */
  readonly endUs: number
  readonly isPlaying: boolean
  /** How much faster than the clock on the wall. */
  readonly speed: number
}

export interface ChosenKey {
  readonly bucket: string
  readonly key: string
}

export type Order =
  /** Begins the run of a plan, and goes to that instant; to its end if there is none. */
  | { readonly do: 'load'; readonly plan: TimedPlan; readonly atUs?: number }
  | { readonly do: 'play' }
  | { readonly do: 'pause' }
  | { readonly do: 'speed'; readonly speed: number }
  /** Goes on until the next frame arrives. */
  | { readonly do: 'step' }
  | { readonly do: 'seek'; readonly toUs: number }
  /** Does something now. What was planned for later is dropped. */
  | { readonly do: 'act'; readonly action: Action }
  | { readonly do: 'choose'; readonly key: ChosenKey }
  /** Shows the hops of that request. */
  | { readonly do: 'follow'; readonly followed: Followed }

export type News =
  | { readonly type: 'scene'; readonly scene: Scene }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'played'; readonly played: PlayedPlan }

/** Tells the thread that the page wants the next scene. A scene that is not drawn costs as much as one that is. */
export interface Drawn {
  readonly do: 'drawn'
}

/** Asks a thread to run a plan to its end. `plan` is checked there. */
export interface PlanToPlay {
  readonly do: 'run'
  readonly plan: unknown
}

/** A plan that is run to its end beside the page, by `window.quorateLab.run`. */
export interface PlayedPlan {
  readonly hash: string
  readonly verdicts: readonly LevelVerdict[]
}
