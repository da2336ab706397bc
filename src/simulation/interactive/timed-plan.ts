/**
 * The plan of an interactive world, as JSON: a seed, the number of nodes, and what happens at which time. A plan from a
 * file or a link is checked as a whole before anything runs.
 */
import { LEVELS } from '../../core/quorum/level.ts'
import { nodeIds } from '../plan/plan.ts'
import { atUs, type TimedAction } from './action.ts'

export interface TimedPlan {
  readonly seed: string
  readonly nodes: number
  /** In so many zones the first nodes stand, neighbours together. Without it each node is a zone of its own. */
  readonly zones?: number
  /** When the run ends, in ms of virtual time. */
  readonly endMs: number
  /** In the order of their times. Of two actions at the same time, the first one in the plan happens first. */
  readonly actions: readonly TimedAction[]
}

/** What is wrong with a plan, as one sentence without a period. */
export class PlanError extends Error {
  override readonly name = 'PlanError'
}

export const END_MS_MAX = 3_600_000
const NODES_MIN = 3
const NODES_MAX = 9
const ACTIONS_MAX = 10_000
const CLIENTS_MAX = 99
const TEXT_MAX = 512
const SKEW_MS_MAX = 86_400_000
const STRONG = 'strong'
const BUCKETS = ['default', 'latest', STRONG]
const CUT_KINDS = ['reset', 'mute', 'hold']

/** Throws PlanError. `data` is what JSON.parse returned. */
export function checkPlan(data: unknown): TimedPlan {
  const plan = fieldsOf('the plan', data, PLAN)
  const actions = plan['actions'] as readonly unknown[]
  const timed = actions
    .map((action, i) => checkAction(`actions[${i}]`, action))
    .sort((a, b) => atUs(a) - atUs(b))
  checkNodes(plan['nodes'] as number, timed)
  if (((plan['zones'] as number | undefined) ?? 0) > (plan['nodes'] as number)) {
    throw new PlanError('the plan: zones must not be more than nodes')
  }
  const checked = { ...(plan as unknown as TimedPlan), actions: timed }
  const last = timed.at(-1)
  if (last !== undefined && last.atMs > checked.endMs) {
    throw new PlanError(
      `the plan: endMs is ${checked.endMs}, but an action follows at ${last.atMs}`,
    )
  }
  return checked
}

/** Says what is wrong with a value; undefined if nothing is. */
type Check = (value: unknown) => string | undefined
type Fields = Readonly<Record<string, Check | { readonly optional: Check }>>

const textFrom =
  (least: number): Check =>
  (value) => {
    // UTF-8 cannot write half of a pair of surrogates.
    const isText = typeof value === 'string' && value.isWellFormed()
    return isText && value.length >= least && value.length <= TEXT_MAX
      ? undefined
      : `must be a text of ${least} to ${TEXT_MAX} characters`
  }
const text = textFrom(1)
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')
const node: Check = (value) =>
  typeof value === 'string' && /^n[1-9]\d?$/.test(value)
    ? undefined
    : 'must be a node, such as "n1"'
const nodes: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((each) => node(each) === undefined)
    ? undefined
    : 'must be a list of nodes, such as ["n1", "n2"]'
const time: Check = (value) => {
  const isTime =
    typeof value === 'number' &&
    value >= 0 &&
    value <= END_MS_MAX &&
    Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-6
  return isTime ? undefined : `must be ms from 0 to ${END_MS_MAX}, with at most three decimals`
}
const list: Check = (value) =>
  Array.isArray(value) && value.length <= ACTIONS_MAX
    ? undefined
    : `must be a list of at most ${ACTIONS_MAX} actions`
const wholeFrom =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`
const oneOf =
  (names: readonly string[]): Check =>
  (value) =>
    names.includes(value as string) ? undefined : `must be one of ${names.join(', ')}`

const PLAN: Fields = {
  seed: text,
  nodes: wholeFrom(NODES_MIN, NODES_MAX),
  zones: { optional: wholeFrom(1, NODES_MAX) },
  endMs: time,
  actions: list,
}

const ASKED: Fields = {
  client: wholeFrom(1, CLIENTS_MAX),
  node,
  level: oneOf(LEVELS),
  bucket: oneOf(BUCKETS),
  key: text,
}
const CHANGED: Fields = {
  ...ASKED,
  withContext: { optional: flag },
  ifUnchanged: { optional: flag },
}

/** The fields of each action, besides `atMs` and `do`. */
const ACTIONS: Readonly<Record<TimedAction['do'], Fields>> = {
  get: ASKED,
  put: { ...CHANGED, value: textFrom(0) },
  delete: CHANGED,
  cut: {
    from: nodes,
    to: nodes,
    oneWay: { optional: flag },
    kind: { optional: oneOf(CUT_KINDS) },
  },
  heal: { from: { optional: nodes }, to: { optional: nodes } },
  kill: { node },
  power: { node },
  wipe: { node },
  start: { node },
  pause: { node },
  continue: { node },
  skew: { node, byMs: wholeFrom(-SKEW_MS_MAX, SKEW_MS_MAX) },
  join: { node },
  leave: { node },
  replace: { node, with: node, lost: { optional: flag } },
  remove: { node },
  cancel: {},
}

function checkAction(where: string, data: unknown): TimedAction {
  const name = isObject(data) ? data['do'] : undefined
  const own = typeof name === 'string' && Object.hasOwn(ACTIONS, name)
  if (isObject(data) && !own) {
    const problem = name === undefined ? 'is missing' : `is ${JSON.stringify(name)}`
    throw new PlanError(`${where}: do ${problem}, but must be one of ${names(ACTIONS)}`)
  }
  const fields = own ? ACTIONS[name as TimedAction['do']] : {}
  const place = own ? `${where} (${name})` : where
  const action = fieldsOf(place, data, { atMs: time, do: text, ...fields })
  if (name === 'heal' && (action['from'] === undefined) !== (action['to'] === undefined)) {
    throw new PlanError(`${place}: from and to go together`)
  }
  if (action['ifUnchanged'] === true && action['bucket'] !== STRONG) {
    throw new PlanError(`${place}: ifUnchanged needs the bucket ${STRONG}`)
  }
  if (name === 'cut') {
    const both = (action['from'] as string[]).find((id) => (action['to'] as string[]).includes(id))
    if (both !== undefined) throw new PlanError(`${place}: ${both} is on both sides of the cut`)
  }
  return action as unknown as TimedAction
}

function fieldsOf(where: string, data: unknown, fields: Fields): Readonly<Record<string, unknown>> {
  if (!isObject(data)) throw new PlanError(`${where}: must be an object`)
  const unknown = Object.keys(data).find((name) => !Object.hasOwn(fields, name))
  if (unknown !== undefined) {
    throw new PlanError(`${where}: there is no field ${unknown}; the fields are ${names(fields)}`)
  }
  for (const [name, field] of Object.entries(fields)) {
    const value = data[name]
    const isOptional = typeof field !== 'function'
    if (value === undefined && isOptional) continue
    if (value === undefined) throw new PlanError(`${where}: ${name} is missing`)
    const problem = (isOptional ? field.optional : field)(value)
    if (problem !== undefined) throw new PlanError(`${where}: ${name} ${problem}`)
  }
  return data
}

/** Each action must name nodes that exist by then, and each new machine must have a new id. */
function checkNodes(count: number, actions: readonly TimedAction[]): void {
  const known = new Set(nodeIds(count))
  for (const action of actions) {
    const { added, named } = nodesOf(action)
    const where = `${action.do} at ${action.atMs} ms`
    const absent = named.find((id) => !known.has(id))
    if (absent !== undefined) {
      throw new PlanError(`${where}: there is no ${absent}; the nodes are ${[...known].join(', ')}`)
    }
    if (added === undefined) continue
    if (known.has(added))
      throw new PlanError(`${where}: the id ${added} is taken, also if its node has left`)
    known.add(added)
  }
}

function nodesOf(action: TimedAction): { added: string | undefined; named: readonly string[] } {
  switch (action.do) {
    case 'join':
      return { added: action.node, named: [] }
    case 'replace':
      return { added: action.with, named: [action.node] }
    case 'cut':
    case 'heal':
      return { added: undefined, named: [...(action.from ?? []), ...(action.to ?? [])] }
    case 'cancel':
      return { added: undefined, named: [] }
    default:
      return { added: undefined, named: [action.node] }
  }
}

function isObject(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}

function names(table: object): string {
  return Object.keys(table).join(', ')
}
