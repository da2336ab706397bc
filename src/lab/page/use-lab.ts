/// <reference lib="dom" />
/** The state of the page, and everything that a person can do on it. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Action } from '../../simulation/interactive/action.ts'
import type { Followed } from '../../simulation/interactive/request-hops.ts'
import type { TimedPlan } from '../../simulation/interactive/timed-plan.ts'
import { linkOfPlan, planOfLink } from '../link/plan-link.ts'
import {
  firstPlan,
  type Lesson,
  type LessonProgress,
  NOT_BEGUN,
  progressed,
} from '../lessons/lesson.ts'
import { LESSONS } from '../lessons/lessons.ts'
import { LIVE_HASH } from '../live-page/live-connection.ts'
import type { ChosenKey, Order, Scene } from '../run/scene.ts'
import { type ClientForm, CLIENTS, formsFor, formsIn, formsOf } from './client-form.ts'
import { readPassed, rememberPassed } from './passed-lessons.ts'
import type { LabConnection } from './lab-connection.ts'

export interface LabState {
  /** Null until the cluster has started. */
  readonly scene: Scene | null
  readonly refusal: string | null
  readonly key: ChosenKey
  readonly clients: readonly ClientForm[]
  /** The node on which the buttons for faults act; null if none is chosen. */
  readonly target: string | null
  readonly lesson: Lesson | null
  readonly progress: LessonProgress
  /** Whether the replay of the lesson is shown, which does not count as done. */
  readonly isReplay: boolean
  readonly passed: readonly string[]
}

export interface LabDeeds {
  readonly act: (action: Action) => void
  readonly play: () => void
  readonly pause: () => void
  readonly step: () => void
  readonly seek: (toUs: number) => void
  readonly setSpeed: (speed: number) => void
  readonly choose: (key: ChosenKey) => void
  /** Shows that request hop by hop. */
  readonly follow: (followed: Followed) => void
  /** Follows that request, goes back to that instant, and plays so slowly that each message can be seen. */
  readonly watchSlowly: (request: number, fromUs: number) => void
  readonly fillIn: (client: number, part: Partial<ClientForm>) => void
  readonly select: (target: string | null) => void
  readonly begin: (plan: TimedPlan, atUs?: number) => void
  readonly beginLesson: (lesson: Lesson | null) => void
  readonly guess: (choice: number) => void
  readonly replayLesson: () => void
  /** The address of this page that shows the same run. */
  readonly link: () => string
}

const CART: ChosenKey = { bucket: 'default', key: 'cart' }
/** So many forms have room on the page. A plan may have more clients. */
const CLIENTS_MAX = 3
/** A message between nodes takes about a second at this speed. */
const SLOW_SPEED = 0.001
const FIRST: TimedPlan = { seed: 'lab', nodes: 5, endMs: 2000, actions: [] }

const START: LabState = {
  scene: null,
  refusal: null,
  key: CART,
  clients: CLIENTS,
  target: null,
  lesson: null,
  progress: NOT_BEGUN,
  isReplay: false,
  passed: [],
}

/** While the run is not shown, its time stands still, and the address of the page does not follow it. */
export function useLab(connection: LabConnection, isShown: boolean): readonly [LabState, LabDeeds] {
  const [state, setState] = useState<LabState>(START)
  const newest = useRef(state)
  newest.current = state
  const deeds = useMemo(() => {
    const change: Change = (part) =>
      setState((old) => ({ ...old, ...(typeof part === 'function' ? part(old) : part) }))
    return deedsOf(connection, change, () => newest.current)
  }, [connection])
  useEffect(() => {
    const stop = connection.listen({
      scene: (scene) => setState((old) => withScene(old, scene)),
      refused: (refusal) => setState((old) => ({ ...old, refusal })),
    })
    setState((old) => ({ ...old, passed: readPassed() }))
    const follow = (): void => {
      if (location.hash !== LIVE_HASH) openLink(location.hash, deeds, setState)
    }
    addEventListener('hashchange', follow)
    return () => {
      stop()
      removeEventListener('hashchange', follow)
    }
  }, [connection, deeds])
  useEffect(() => {
    if (!isShown) return undefined
    if (newest.current.scene === null) openLink(location.hash, deeds, setState)
    return deeds.pause
  }, [isShown, deeds])
  useAddress(state, isShown)
  return [state, deeds]
}

function withScene(old: LabState, scene: Scene): LabState {
  const { lesson, isReplay, passed } = old
  if (lesson === null || isReplay) return { ...old, scene }
  const progress = progressed(lesson, old.progress, scene)
  const isPassed = progress.done === lesson.steps.length && !passed.includes(lesson.id)
  if (!isPassed) return { ...old, scene, progress }
  return { ...old, scene, progress, passed: rememberPassed([...passed, lesson.id]) }
}

function openLink(
  hash: string,
  deeds: LabDeeds,
  setState: (change: (old: LabState) => LabState) => void,
): void {
  try {
    const plan = planOfLink(hash)
    if (plan !== undefined) {
      const first = plan.actions.find((action) => 'key' in action)
      if (first !== undefined && 'key' in first) deeds.choose(first)
      deeds.begin(plan)
      return
    }
  } catch (error) {
    setState((old) => ({ ...old, refusal: (error as Error).message }))
  }
  deeds.begin(FIRST)
  deeds.choose(CART)
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches) deeds.play()
}

/** Keeps the run in the address of the page. Browsers limit how often it may change, so it stays while time runs. */
function useAddress({ scene }: LabState, isShown: boolean): void {
  const plan = scene?.plan
  const key = `${isShown} ${plan?.seed} ${plan?.nodes} ${plan?.actions.length} ${scene?.isPlaying}`
  useEffect(() => {
    if (plan !== undefined && isShown) history.replaceState(null, '', `#${linkOfPlan(plan)}`)
  }, [key])
}

type Change = (part: Partial<LabState> | ((old: LabState) => Partial<LabState>)) => void

function deedsOf(connection: LabConnection, change: Change, now: () => LabState): LabDeeds {
  const send = (order: Order): void => connection.send(order)
  const choose = ({ bucket, key }: ChosenKey): void => {
    change((old) => ({
      key: { bucket, key },
      clients: bucket === old.key.bucket ? old.clients : formsIn(bucket, old.clients),
    }))
    send({ do: 'choose', key: { bucket, key } })
  }
  const begin = (plan: TimedPlan, atUs?: number): void => {
    const asked = plan.actions.map((action) => ('client' in action ? action.client : 0))
    const count = Math.min(CLIENTS_MAX, Math.max(0, ...asked))
    change(({ clients }) => ({ refusal: null, target: null, clients: formsFor(clients, count) }))
    send(atUs === undefined ? { do: 'load', plan } : { do: 'load', plan, atUs })
  }
  return {
    choose,
    begin,
    follow: (followed) => send({ do: 'follow', followed }),
    watchSlowly: (request, fromUs) => {
      // While the newest is followed, the next one that is sent would take its place.
      send({ do: 'follow', followed: { request } })
      send({ do: 'seek', toUs: fromUs })
      send({ do: 'speed', speed: SLOW_SPEED })
      send({ do: 'play' })
    },
    fillIn: (client, part) =>
      change(({ clients }) => ({
        clients: clients.map((form) => (form.client === client ? { ...form, ...part } : form)),
      })),
    act: (action) => {
      change({ refusal: null })
      send({ do: 'act', action })
    },
    play: () => send({ do: 'play' }),
    pause: () => send({ do: 'pause' }),
    step: () => send({ do: 'step' }),
    seek: (toUs) => send({ do: 'seek', toUs }),
    setSpeed: (speed) => send({ do: 'speed', speed }),
    select: (target) => change({ target }),
    beginLesson: (lesson) => {
      change({ lesson, progress: NOT_BEGUN, isReplay: false })
      if (lesson === null) return
      begin(firstPlan(lesson))
      choose(lesson.key)
      change({ clients: formsOf(lesson) })
      send({ do: 'speed', speed: 1 })
      send({ do: 'play' })
    },
    guess: (choice) => change({ progress: { ...now().progress, guess: choice } }),
    replayLesson: () => {
      const { lesson } = now()
      if (lesson === null) return
      change({ isReplay: true })
      begin(lesson.replay, firstPlan(lesson).endMs * 1000)
      choose(lesson.key)
      send({ do: 'play' })
    },
    link: () => {
      const plan = now().scene?.plan
      return plan === undefined
        ? location.href
        : `${location.href.split('#')[0]}#${linkOfPlan(plan)}`
    },
  }
}

/** The lesson with that id; null if there is none. */
export function lessonOf(id: string): Lesson | null {
  return LESSONS.find((lesson) => lesson.id === id) ?? null
}
