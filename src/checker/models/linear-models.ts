/**
 * The models `register`, `cas-register` and `kv`: every operation takes effect at one moment between its invocation and
 * its return. Each key is checked alone, because linearizability is local (Herlihy, Wing 1990). An operation of unknown
 * outcome may take effect at any later time, or never. A failed operation never takes effect.
 */
import { seconds, type HistoryEvent, type Json } from '../history/history.ts'
import { type Core, decide, type Decided, smallestCore } from '../linear/decide.ts'
import type { LinearObject } from '../linear/object.ts'
import {
  type ObjectHistory,
  objectsOf,
  operationAt,
  operationsOfObject,
} from '../linear/object-history.ts'
import { Scratch } from '../linear/scratch.ts'
import { registerObject } from '../linear/register-object.ts'
import type { Limits } from '../linear/outcome.ts'
import { textObject } from '../linear/text-object.ts'
import { takeTurns } from '../linear/turns.ts'
import { unwrittenReads } from '../linear/unwritten-reads.ts'
import { nameOf } from '../verdict/wording.ts'
import type { Operation } from '../history/operation.ts'
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

interface DecidedKey extends Pick<ObjectHistory, 'key' | 'object'> {
  readonly history: readonly HistoryEvent[]
  readonly operations: readonly Operation[]
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
  const { objects, counts, hasUntold } = objectsOf(history, objectOf)
  const operations = counts.ok + counts.fail + counts.info
  const initial = initialOf(hasUntold, bounds)
  const bad: DecidedKey[] = []
  const unjudged: Evidence[] = []
  const scratch = new Scratch()
  const orders: KeyOrder[] = []
  const undecided = takeTurns(
    objects,
    (of, turn) => {
      const { key, object } = of
      const steps = of.steps()
      const decided = decide(steps, object, initial, turn, scratch)
      const { outcome } = decided
      if (outcome.type === 'unknown') {
        if (outcome.why === 'time') return true
        unjudged.push(unfinished(key, 'memory'))
      } else if (outcome.type === 'not-linearizable') {
        bad.push({ key, object, history, operations: operationsOfObject(history, steps), decided })
      } else if (operations <= ORDERED_OPERATIONS_MAX) {
        const indexOf = (row: number): number => history[steps.table.firstOf(row)]?.index as number
        orders.push({ key, order: Array.from(outcome.order, indexOf) })
      }
      return false
    },
    limits,
    () => bad.length > 0,
  )
  unjudged.push(...undecided.map(({ key }) => unfinished(key, 'time')))
  const judged = { ...limits, initial }
  const findings = bad.map((each, i) => (i < CORES_MAX ? tell(each, judged) : mention(each)))
  findings.push(
    ...bad.flatMap(({ key, operations: own }) => unwrittenReads(key, own, judged.initial)),
  )
  const verdict = verdictOf(name, {
    findings,
    unjudged,
    stats: {
      operations,
      keys: objects.length,
      ok: counts.ok,
      rejected: counts.fail,
      unknown: counts.info,
      badKeys: bad.length,
    },
    valid: `the ${operations} operations on ${objects.length === 1 ? 'one key' : `${objects.length} keys`} are linearizable`,
  })
  return orders.length > 0 ? { ...verdict, orders } : verdict
}

/** In Jepsen's tools a history with reads of `nil` may begin with 0, so both initial values are allowed for it. */
function initialOf(hasUntold: boolean, { initial }: CheckBounds): readonly Json[] {
  if (initial !== undefined) return [initial]
  return hasUntold ? [null, 0] : [null]
}

function unfinished(key: string, bound: 'time' | 'memory'): Evidence {
  return {
    kind: 'unjudged',
    key,
    words: `the search for a linearizable order of ${nameOf(key)} ran out of ${bound}`,
  }
}

function mention({ key, history, operations, decided }: DecidedKey): Evidence {
  const { outcome, steps } = decided
  const operation =
    outcome.type === 'not-linearizable'
      ? operationAt(history, steps.table, outcome.op)
      : (operations[0] as Operation)
  return {
    kind: 'not linearizable',
    key,
    words: `${nameOf(key)} is not linearizable: no order of its operations explains that ${wordsOf(operation, operations.some(isTimed))}`,
    operations: [operation.firstIndex],
  }
}

function tell(
  { key, history, operations, object, decided }: DecidedKey,
  limits: Limits & { readonly initial: readonly Json[] },
): Evidence {
  const proof = decided as Parameters<typeof smallestCore>[0]
  const core = smallestCore(proof, object, limits.initial, limits)
  const told = withWriters(
    core.sources.map((row) => operationAt(history, decided.steps.table, row)),
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
