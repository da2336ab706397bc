/**
 * The models `register`, `cas-register` and `kv`: every operation takes effect at one moment between its invocation and
 * its return. Each key is checked alone, because linearizability is local (Herlihy, Wing 1990). An operation of unknown
 * outcome may take effect at any later time, or never. A failed operation never takes effect.
 */
import { seconds, type HistoryEvent, type Json } from '../history/history.ts'
import { type Core, decide, type Decided, smallestCore } from '../linear/decide.ts'
import type { LinearObject } from '../linear/object.ts'
import { registerObject } from '../linear/register-object.ts'
import type { Limits } from '../linear/outcome.ts'
import { textObject } from '../linear/text-object.ts'
import { takeTurns } from '../linear/turns.ts'
import { unwrittenReads } from '../linear/unwritten-reads.ts'
import { nameOf } from '../verdict/wording.ts'
import { operationsOf, type Operation } from '../history/operation.ts'
import {
  type CheckBounds,
  type Evidence,
  type KeyOrder,
  type Model,
  type Verdict,
  verdictOf,
} from '../verdict/verdict.ts'

const TIME_MS = 60_000
const MEMORY_BYTES = 1_000_000_000
/** For so many keys the smallest evidence is searched; the others get a short line. */
const CORES_MAX = 3
/** Orders are kept only of histories that are small enough for a page. */
const ORDERED_OPERATIONS_MAX = 100_000
/** How many operations one piece of evidence describes. */
const TOLD_MAX = 12

export const registerModel = linearModel(
  'register',
  'each key is linearizable: reads and writes take effect one at a time, in an order that agrees with real time',
  () => registerObject(false),
)
export const casRegisterModel = linearModel(
  'cas-register',
  'each key is linearizable: reads, writes and compare-and-sets take effect one at a time, in an order that agrees with real time',
  () => registerObject(true),
)
export const kvModel = linearModel(
  'kv',
  'each key is linearizable: gets, puts and appends take effect one at a time, in an order that agrees with real time',
  textObject,
)

function linearModel(name: string, promise: string, objectOf: () => LinearObject): Model {
  return {
    name,
    promise,
    check: (history, bounds = {}) => check(name, history, bounds, objectOf),
  }
}

interface DecidedKey {
  readonly key: string
  readonly operations: readonly Operation[]
  readonly object: LinearObject
  readonly decided: Decided
}

function check(
  name: string,
  history: readonly HistoryEvent[],
  bounds: CheckBounds,
  objectOf: () => LinearObject,
): Verdict {
  const nowMs = (): number => performance.now()
  const limits: Limits = {
    nowMs,
    memoBytesMax: bounds.memoryBytes ?? MEMORY_BYTES,
    deadlineMs: nowMs() + (bounds.timeMs ?? TIME_MS),
  }
  const operations = operationsOf(history)
  const initial = initialOf(history, bounds)
  const bad: DecidedKey[] = []
  const unjudged: Evidence[] = []
  const orders: KeyOrder[] = []
  const keys = byKey(operations)
  const undecided = takeTurns(
    [...keys],
    ([key, own], turn) => {
      const object = objectOf()
      const decided = decide(own, object, initial, turn)
      const { outcome, steps } = decided
      if (outcome.type === 'unknown') {
        if (outcome.why === 'time') return true
        unjudged.push(unfinished(key, 'memory'))
      } else if (outcome.type === 'not-linearizable') {
        bad.push({ key, operations: own, object, decided })
      } else if (operations.length <= ORDERED_OPERATIONS_MAX) {
        orders.push({ key, order: outcome.order.map((op) => steps[op]?.firstIndex as number) })
      }
      return false
    },
    limits,
    () => bad.length > 0,
  )
  unjudged.push(...undecided.map(([key]) => unfinished(key, 'time')))
  const judged = { ...limits, initial }
  const findings = bad.map((each, i) => (i < CORES_MAX ? tell(each, judged) : mention(each)))
  findings.push(
    ...bad.flatMap(({ key, operations: own }) => unwrittenReads(key, own, judged.initial)),
  )
  const of = (outcome: string): number =>
    operations.filter((operation) => operation.outcome === outcome).length
  const verdict = verdictOf(name, {
    findings,
    unjudged,
    stats: {
      operations: operations.length,
      keys: keys.size,
      ok: of('ok'),
      rejected: of('fail'),
      unknown: of('info'),
      badKeys: bad.length,
    },
    valid: `the ${operations.length} operations on ${keys.size === 1 ? 'one key' : `${keys.size} keys`} are linearizable`,
  })
  return orders.length > 0 ? { ...verdict, orders } : verdict
}

/** In Jepsen's tools a history with reads of `nil` may begin with 0, so both initial values are allowed for it. */
function initialOf(history: readonly HistoryEvent[], { initial }: CheckBounds): readonly Json[] {
  if (initial !== undefined) return [initial]
  return history.some(({ isUntold }) => isUntold) ? [null, 0] : [null]
}

function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>()
  for (const operation of operations) {
    const key = operation.key ?? ''
    const own = keys.get(key)
    if (own === undefined) keys.set(key, [operation])
    else own.push(operation)
  }
  return keys
}

function unfinished(key: string, bound: 'time' | 'memory'): Evidence {
  return {
    kind: 'unjudged',
    key,
    words: `the search for a linearizable order of ${nameOf(key)} ran out of ${bound}`,
  }
}

function mention({ key, operations, decided }: DecidedKey): Evidence {
  const { outcome, steps } = decided
  const culprit = outcome.type === 'not-linearizable' ? steps[outcome.op] : undefined
  const operation = operations[culprit?.source ?? 0] as Operation
  return {
    kind: 'not linearizable',
    key,
    words: `${nameOf(key)} is not linearizable: no order of its operations explains that ${wordsOf(operation, operations.some(isTimed))}`,
    operations: [operation.firstIndex],
  }
}

function tell(
  { key, operations, object, decided }: DecidedKey,
  limits: Limits & { readonly initial: readonly Json[] },
): Evidence {
  const proof = decided as Parameters<typeof smallestCore>[0]
  const core = smallestCore(proof, object, limits.initial, limits)
  const told = withWriters(
    core.sources.map((source) => operations[source] as Operation),
    operations,
  )
  const hasTimes = operations.some(isTimed)
  const shown = told.slice(-TOLD_MAX).map((operation) => wordsOf(operation, hasTimes))
  const left = told.length - shown.length
  const first = left > 0 ? `${left} earlier operations, then ` : ''
  return {
    kind: 'not linearizable',
    key,
    words: `no order of these operations on ${nameOf(key)}, which ${beginning(core, limits.initial)}, agrees with real time: ${first}${shown.join('; ')}`,
    operations: told.map(({ firstIndex }) => firstIndex),
  }
}

/** Adds the writers of read values, so that people see where the values came from. */
function withWriters(core: readonly Operation[], all: readonly Operation[]): readonly Operation[] {
  const told = new Set(core)
  for (const { f, outcome, output, lastIndex } of core) {
    if (f !== 'read' || outcome !== 'ok' || output === null) continue
    const wrote = (operation: Operation): boolean =>
      operation.f === 'write' && operation.outcome !== 'fail' && operation.input === output
    if (core.some(wrote)) continue
    const writer = all.findLast((operation) => operation.firstIndex < lastIndex && wrote(operation))
    if (writer !== undefined) told.add(writer)
  }
  return [...told].sort((a, b) => a.firstIndex - b.firstIndex)
}

function beginning({ anyStateBefore }: Core, initial: readonly Json[]): string {
  if (anyStateBefore !== undefined) return 'may have held any value before'
  return `held ${initial.map(valueText).join(' or ')} at first`
}

function valueText(value: Json): string {
  return value === null ? 'no value' : JSON.stringify(value)
}

/** For example "client 3 read 5 (n1, 1.200 s to 1.204 s)". */
function wordsOf(operation: Operation, hasTimes: boolean): string {
  const { session, f, input, output, outcome, error, node } = operation
  const pair = Array.isArray(input) && input.length === 2 ? (input as [Json, Json]) : undefined
  const what =
    pair !== undefined && f === 'cas'
      ? `${outcome === 'ok' ? 'changed' : 'tried to change'} ${valueText(pair[0])} to ${valueText(pair[1])}`
      : outcome === 'ok' && (f === 'read' || f === 'get')
        ? output === null
          ? 'found no value'
          : `read ${valueText(output)}`
        : f === 'delete'
          ? 'deleted it'
          : `${PAST[f] ?? f} ${valueText(input)}`
  const end = spanOf(operation, hasTimes)
  const failed =
    outcome === 'fail' ? `, which failed${error === undefined ? '' : ` (${error})`}` : ''
  return `client ${session} ${what}${failed} (${node === undefined ? '' : `${node}, `}${end})`
}

/** Whether the history has times. If it has none, the words name the places of the events. */
function isTimed({ invokedAt, firstIndex }: Operation): boolean {
  return invokedAt !== firstIndex
}

function spanOf(operation: Operation, hasTimes: boolean): string {
  const { outcome, invokedAt, completedAt, firstIndex, lastIndex } = operation
  if (outcome === 'info') {
    const from = hasTimes ? seconds(invokedAt) : `event ${firstIndex}`
    return `sent at ${from}, outcome unknown`
  }
  return hasTimes
    ? `${seconds(invokedAt)} to ${seconds(completedAt)}`
    : `events ${firstIndex} to ${lastIndex}`
}

const PAST: Readonly<Record<string, string>> = {
  write: 'wrote',
  put: 'put',
  append: 'appended',
}
