/** What the steps of lessons ask of the state of the world. */
import type { Action, TimedAction } from '../../simulation/interactive/action.ts'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import { groupsOf } from '../picture/cut-groups.ts'
import type { LessonScene } from './lesson.ts'

interface Wanted {
  readonly do?: RequestView['action']['do']
  readonly level?: RequestView['action']['level']
  readonly client?: number
  readonly node?: string
  readonly key?: string
  /** Whether it is a compare-and-set. */
  readonly ifUnchanged?: boolean
  readonly state?: RequestView['state']
  /** Only requests that were sent at that time or later. */
  readonly sinceUs?: number
}

/** The newest request of that kind. */
export function requestOf({ view }: LessonScene, wanted: Wanted): RequestView | undefined {
  return view.requests.findLast(({ action, state, sentUs }) => {
    const isWanted =
      (wanted.do ?? action.do) === action.do &&
      (wanted.level ?? action.level) === action.level &&
      (wanted.client ?? action.client) === action.client &&
      (wanted.node ?? action.node) === action.node &&
      (wanted.key ?? action.key) === action.key &&
      (wanted.ifUnchanged ?? isCompared(action)) === isCompared(action) &&
      (wanted.state ?? state) === state
    return isWanted && sentUs !== null && sentUs >= (wanted.sinceUs ?? 0)
  })
}

function isCompared(action: RequestView['action']): boolean {
  return action.do !== 'get' && action.ifUnchanged === true
}

/** What a write wanted to store; '' for other requests. */
export function writtenBy(request: RequestView | undefined): string {
  return request?.action.do === 'put' ? request.action.value : ''
}

/** Whether a write was refused because the key was not as its client had last seen it. */
export function wasRefused(request: RequestView | undefined): boolean {
  return request?.state === 'rejected' && request.error?.startsWith('precondition_failed') === true
}

/** When something of that kind was done last; undefined if never. */
export function timeOf(
  { view, plan }: LessonScene,
  name: Action['do'],
  isWanted: (action: TimedAction) => boolean = () => true,
): number | undefined {
  const done = plan.actions.findLast(
    (action) => action.do === name && action.atMs * 1000 <= view.nowUs && isWanted(action),
  )
  return done === undefined ? undefined : done.atMs * 1000
}

/** The owners of the key. */
export function ownersOf({ view }: LessonScene): readonly string[] {
  return view.key?.owners ?? []
}

/** The owners of the key whose process has ended. */
export function downOwners(scene: LessonScene): readonly string[] {
  return ownersOf(scene).filter(
    (owner) => scene.view.nodes.find(({ id }) => id === owner)?.state === 'stopped',
  )
}

/** When the owner that is down was killed; undefined if all owners are up. */
export function ownerLostUs(scene: LessonScene): number | undefined {
  const down = downOwners(scene)
  const killed = (action: TimedAction): boolean => 'node' in action && down.includes(action.node)
  const times = (['kill', 'power', 'wipe'] as const).map((name) => timeOf(scene, name, killed))
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

/** The values that a node holds of the key, sorted, without tombstones; undefined if it holds no copy. */
export function valuesAt({ view }: LessonScene, node: string): readonly string[] | undefined {
  return view.key?.copies[node]?.siblings
    .filter(({ isTombstone }) => !isTombstone)
    .map(({ value }) => value)
    .toSorted()
}

/** Whether the node holds a tombstone of the key and no value. */
export function isDeletedAt(scene: LessonScene, node: string): boolean {
  const siblings = scene.view.key?.copies[node]?.siblings ?? []
  return siblings.length > 0 && siblings.every(({ isTombstone }) => isTombstone)
}

/** Whether all owners hold the same values, at least one. */
export function ownersAgree(scene: LessonScene): boolean {
  const [first = '[]', ...others] = ownersOf(scene).map((owner) =>
    JSON.stringify(valuesAt(scene, owner) ?? []),
  )
  return first !== '[]' && others.every((other) => other === first)
}

/** The groups into which cuts part the nodes; one group without a partition. */
export function sidesOf({ view }: LessonScene): readonly (readonly string[])[] {
  return groupsOf(
    view.nodes.filter(({ state }) => state !== 'gone'),
    view.links,
  )
}
