/** A lesson as data: a question to predict, steps to do, what is to be seen, and the same on real containers. */
import type { Level } from '../../core/quorum/level.ts'
import type { TimedPlan } from '../../simulation/interactive/timed-plan.ts'
import type { ChosenKey, Scene } from '../run/scene.ts'

/** What a step is checked by: the state of the world, never the clicks of the learner. */
export type LessonScene = Pick<Scene, 'view' | 'plan' | 'verdict'>

export interface LessonStep {
  readonly todo: string
  /** What the learner sees when it is done. */
  readonly see: string
  isDone(scene: LessonScene): boolean
}

/** What stands in the form of a client when the lesson begins. */
export interface LessonClient {
  readonly node: string
  readonly level: Level
  readonly value: string
  readonly ifUnchanged?: boolean
}

export interface Lesson {
  /** Its number; with a letter if several lessons belong together. */
  readonly id: string
  readonly title: string
  readonly idea: string
  /** The key that the picture shows first. */
  readonly key: ChosenKey
  /** Other keys that the lesson needs. */
  readonly otherKeys?: readonly ChosenKey[]
  readonly nodes: number
  readonly zones?: number
  /** Two clients with the usual forms if it is absent. */
  readonly clients?: readonly LessonClient[]
  readonly question: string
  readonly choices: readonly string[]
  /** The place of the right choice. */
  readonly right: number
  /** Why it is right. */
  readonly because: string
  readonly steps: readonly LessonStep[]
  /** A run in which every step is done. */
  readonly replay: TimedPlan
  /** The same on real containers. */
  readonly commands: readonly string[]
}

export interface LessonProgress {
  /** The choice of the learner; null before the prediction, which comes first. */
  readonly guess: number | null
  /** How many steps are done. */
  readonly done: number
}

export const NOT_BEGUN: LessonProgress = { guess: null, done: 0 }

/** The nodes have found each other by then. */
const FORMED_MS = 2000

/** The world in which the lesson begins. */
export function firstPlan({ id, nodes, zones }: Lesson): TimedPlan {
  const size = zones === undefined ? { nodes } : { nodes, zones }
  return { seed: `lesson-${id}`, ...size, endMs: FORMED_MS, actions: [] }
}

/** The progress after the scene was seen. A step counts only after the steps before it. */
export function progressed(
  { steps }: Lesson,
  progress: LessonProgress,
  scene: LessonScene,
): LessonProgress {
  if (progress.guess === null) return progress
  let { done } = progress
  while (steps[done]?.isDone(scene) === true) done++
  return done === progress.done ? progress : { ...progress, done }
}
