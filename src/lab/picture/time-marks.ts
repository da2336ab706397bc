/** The marks of the time line: faults, requests and repairs, each at its instant. */
import { describeAction, type TimedAction } from '../../simulation/interactive/action.ts'
import type { RepairView } from '../../simulation/interactive/seen-messages.ts'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import type { Scene } from '../run/scene.ts'
import { answeredWords, askedWords, clientName, STATE_MARKS } from './request-words.ts'

export interface TimeMark {
  readonly atUs: number
  /** One character. */
  readonly sign: string
  readonly words: string
  /** The state of a request. */
  readonly state?: RequestView['state']
  /** The number of a request. */
  readonly request?: number
}

export interface TimeRow {
  readonly name: string
  readonly marks: readonly TimeMark[]
}

/** Repairs that are closer to each other become one mark. */
const SLOTS = 120

export function timeRows({ view, plan, endUs }: Pick<Scene, 'view' | 'plan' | 'endUs'>): TimeRow[] {
  const clients = [1, 2, ...view.requests.map(({ action }) => action.client)]
  return [
    { name: 'Faults', marks: plan.actions.filter(isFault).map(faultMark) },
    ...[...new Set(clients)]
      .sort((a, b) => a - b)
      .map((client) => ({
        name: `Client ${clientName(client)}`,
        marks: requestMarks(client, view.requests, plan.actions, view.nowUs),
      })),
    { name: 'Repairs', marks: repairMarks(view.repairs, endUs) },
  ]
}

/** The end of the scale: a round time at or after the end, so that marks rarely move while time runs. */
export function scaleEnd(endUs: number): number {
  const seconds = Math.max(1, endUs / 1e6)
  const decade = 10 ** Math.floor(Math.log10(seconds))
  const factor = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((each) => each * decade >= seconds) ?? 10
  return Math.round(factor * decade * 1e6)
}

function isFault({ do: name }: TimedAction): boolean {
  return name !== 'get' && name !== 'put' && name !== 'delete'
}

const ENDS_OF_FAULTS: readonly TimedAction['do'][] = ['heal', 'start', 'continue', 'cancel']

function faultMark(action: TimedAction): TimeMark {
  const isEnd = ENDS_OF_FAULTS.includes(action.do) || (action.do === 'skew' && action.byMs === 0)
  return { atUs: action.atMs * 1000, sign: isEnd ? '△' : '▲', words: describeAction(action) }
}

/** Those that were sent, and those that the plan has for later. */
function requestMarks(
  client: number,
  requests: readonly RequestView[],
  actions: readonly TimedAction[],
  nowUs: number,
): TimeMark[] {
  const sent = requests
    .filter(({ action }) => action.client === client)
    .map((request): TimeMark => {
      const { number, state, sentUs } = request
      const words = `${number}: ${askedWords(request)}: ${answeredWords(request)}`
      return { atUs: sentUs ?? nowUs, sign: STATE_MARKS[state], words, state, request: number }
    })
  const later = actions
    .filter(
      (action) => action.atMs * 1000 > nowUs && 'client' in action && action.client === client,
    )
    .map((action) => ({ atUs: action.atMs * 1000, sign: '·', words: describeAction(action) }))
  return [...sent, ...later]
}

function repairMarks(repairs: readonly RepairView[], endUs: number): TimeMark[] {
  const slots = new Map<number, RepairView[]>()
  for (const repair of repairs) {
    const slot = Math.floor((repair.atUs / Math.max(1, endUs)) * SLOTS)
    slots.set(slot, [...(slots.get(slot) ?? []), repair])
  }
  return [...slots.values()].map((together) => {
    const { atUs, from, to, bucket, key } = together[0] as RepairView
    const more = together.length === 1 ? '' : `, and ${together.length - 1} more`
    return { atUs, sign: '◆', words: `${from} gives ${to} its copy of ${bucket}/${key}${more}` }
  })
}
