/**
 * A plan as the part of an address after `#`, for example
 * `seed=cart&nodes=3&end=9000&do=2000:put:1:n1:quorum:latest:cart:apple;3000:cut:n1:n2,n3`.
 *
 * Each action is its time, its name and its fields, joined by colons. Optional fields follow as `name=value`.
 */
import type { TimedAction } from '../../simulation/interactive/action.ts'
import { checkPlan, PlanError, type TimedPlan } from '../../simulation/interactive/timed-plan.ts'

type FieldKind = 'text' | 'number' | 'list' | 'flag'
interface Shape {
  readonly fields: readonly (readonly [name: string, kind: FieldKind])[]
  readonly optional?: readonly (readonly [name: string, kind: FieldKind])[]
}

const ASKED = [
  ['client', 'number'],
  ['node', 'text'],
  ['level', 'text'],
  ['bucket', 'text'],
  ['key', 'text'],
] as const
const CONDITIONS = [
  ['withContext', 'flag'],
  ['ifUnchanged', 'flag'],
] as const
const NODE: Shape = { fields: [['node', 'text']] }

const SHAPES: Readonly<Record<TimedAction['do'], Shape>> = {
  get: { fields: ASKED },
  put: { fields: [...ASKED, ['value', 'text']], optional: CONDITIONS },
  delete: { fields: ASKED, optional: CONDITIONS },
  cut: {
    fields: [
      ['from', 'list'],
      ['to', 'list'],
    ],
    optional: [
      ['oneWay', 'flag'],
      ['kind', 'text'],
    ],
  },
  heal: {
    fields: [],
    optional: [
      ['from', 'list'],
      ['to', 'list'],
    ],
  },
  kill: NODE,
  power: NODE,
  wipe: NODE,
  start: NODE,
  pause: NODE,
  continue: NODE,
  skew: {
    fields: [
      ['node', 'text'],
      ['byMs', 'number'],
    ],
  },
  join: NODE,
  leave: NODE,
  replace: {
    fields: [
      ['node', 'text'],
      ['with', 'text'],
    ],
    optional: [['lost', 'flag']],
  },
  remove: NODE,
  cancel: { fields: [] },
}

/** Without `#`. */
export function linkOfPlan({ seed, nodes, zones, endMs, actions }: TimedPlan): string {
  const size = zones === undefined ? `nodes=${nodes}` : `nodes=${nodes}&zones=${zones}`
  const head = `seed=${encodeURIComponent(seed)}&${size}&end=${endMs}`
  return actions.length === 0 ? head : `${head}&do=${actions.map(textOf).join(';')}`
}

/**
 * `link` may begin with `#`. Undefined if it names no plan. Throws PlanError if what it names is none. Parts with other
 * names are left alone.
 */
export function planOfLink(link: string): TimedPlan | undefined {
  const parts = new Map(
    link
      .replace(/^#/, '')
      .split('&')
      .map((part): [string, string] => {
        const at = part.indexOf('=')
        return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
      }),
  )
  const seed = parts.get('seed')
  if (seed === undefined) return undefined
  const texts = (parts.get('do') ?? '').split(';').filter((text) => text !== '')
  const zones = parts.get('zones')
  return checkPlan({
    seed: decoded(seed),
    nodes: Number(parts.get('nodes')),
    ...(zones === undefined ? {} : { zones: Number(zones) }),
    endMs: Number(parts.get('end')),
    actions: texts.map(actionOf),
  })
}

function textOf(action: TimedAction): string {
  const values = action as unknown as Readonly<Record<string, unknown>>
  const { fields, optional = [] } = SHAPES[action.do]
  const rest = optional.flatMap(([name]) =>
    values[name] === undefined ? [] : [`${name}=${valueText(values[name])}`],
  )
  return [
    String(action.atMs),
    action.do,
    ...fields.map(([name]) => valueText(values[name])),
    ...rest,
  ].join(':')
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => encodeURIComponent(String(each))).join(',')
  return encodeURIComponent(String(value))
}

function actionOf(text: string): unknown {
  const [atMs = '', name = '', ...values] = text.split(':')
  if (!Object.hasOwn(SHAPES, name)) throw new PlanError(`the link: there is no action ${name}`)
  const { fields, optional = [] } = SHAPES[name as TimedAction['do']]
  const action: Record<string, unknown> = { atMs: Number(atMs), do: name }
  for (const [i, [field, kind]] of fields.entries()) {
    const value = values[i]
    if (value === undefined) throw new PlanError(`the link: ${name} needs ${field}`)
    action[field] = valueOf(kind, value)
  }
  for (const part of values.slice(fields.length)) {
    const [field = '', value = ''] = part.split('=')
    const kind = optional.find(([known]) => known === field)?.[1]
    if (kind === undefined) throw new PlanError(`the link: ${name} has no field ${field}`)
    action[field] = valueOf(kind, value)
  }
  return action
}

function valueOf(kind: FieldKind, text: string): unknown {
  switch (kind) {
    case 'text':
      return decoded(text)
    case 'number':
      return Number(text)
    case 'list':
      return text.split(',').map(decoded)
    case 'flag':
      return text === 'true'
    default:
      return kind satisfies never
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new PlanError('the link: a part of it is cut off or damaged')
  }
}
