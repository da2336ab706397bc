import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { registerHistory } from '../../../src/bench/generated-history.ts'
import type { HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import {
  type Decided,
  decide as decideTable,
  smallestCore,
} from '../../../src/checker/linear/decide.ts'
import type { LinearObject } from '../../../src/checker/linear/object.ts'
import type { Limits } from '../../../src/checker/linear/outcome.ts'
import { registerObject } from '../../../src/checker/linear/register-object.ts'
import { textObject } from '../../../src/checker/linear/text-object.ts'
import { operationsOf, type Operation } from '../../../src/checker/history/operation.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Scratch } from '../../../src/checker/linear/scratch.ts'
import { search } from '../../../src/checker/linear/search.ts'
import { problemOf } from '../../../src/checker/linear/table-problem.ts'
import { isLinearizable } from './brute-force.ts'
import { tableFrom } from './tables.ts'

const LIMITS: Limits = { memoBytesMax: 10_000_000, deadlineMs: Infinity, nowMs: () => 0 }
/** From the first step on it is known who will need what. */
const FORESIGHT: Limits = { ...LIMITS, vainBeforeSupply: 0 }
/** Used by one history after another: nothing of one may change the decision on the next. */
const SCRATCH = new Scratch()

function decide(
  operations: readonly Operation[],
  object: LinearObject,
  initial: readonly Json[],
  limits: Limits,
): Decided {
  return decideTable(tableFrom(operations, object), object, initial, limits, SCRATCH)
}

/** The outcome of the search alone, without the failed compare-and-sets being thinned out. */
function searched(
  operations: readonly Operation[],
  object: LinearObject,
  initial: Json,
  limits: Limits,
): string {
  const table = tableFrom(operations, object)
  return search(problemOf(table, [object.stateOf(initial)], object.follows), limits).type
}

const plans = fc.record({
  seed: fc.string({ minLength: 1 }),
  operations: fc.integer({ min: 1, max: 18 }),
  processes: fc.integer({ min: 1, max: 7 }),
  values: fc.integer({ min: 1, max: 4 }),
  crashedPerMille: fc.constantFrom(0, 100, 400),
})
/** Which reads, and how, are changed. */
const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 4 })), { maxLength: 3 })

function changed(
  history: readonly HistoryEvent[],
  of: readonly (readonly [place: number, value: number])[],
): HistoryEvent[] {
  const events = [...history]
  for (const [place, value] of of) {
    const at = place % events.length
    const event = events[at] as HistoryEvent
    if (event.type === 'ok' && event.f === 'read') events[at] = { ...event, value: value || null }
    // An answer turned round, too: what was done was not, and the other way about.
    else if (event.type === 'fail' && event.f === 'cas') {
      const { error: _, ...rest } = event
      events[at] = { ...rest, type: 'ok' }
    } else if (event.type === 'ok' && event.f === 'cas')
      events[at] = { ...event, type: 'fail', error: 'mismatch' }
  }
  return events
}

describe('the search agrees with trying every order', () => {
  test('for registers', () => {
    let invalid = 0
    let valid = 0
    fc.assert(
      fc.property(plans, changes, fc.boolean(), ({ seed, ...plan }, of, hasForesight) => {
        const drawn = registerHistory(new SeededRandom(seed), { ...plan, keys: 1 })
        const operations = operationsOf(changed(drawn, of))
        const truth = isLinearizable(operations, null)
        if (truth) valid++
        else invalid++
        const decided = decide(
          operations,
          registerObject(true),
          [null],
          hasForesight ? FORESIGHT : LIMITS,
        )
        const expected = truth ? 'linearizable' : 'not-linearizable'
        expect(decided.outcome.type).toBe(expected)
        const limits = hasForesight ? FORESIGHT : LIMITS
        expect(searched(operations, registerObject(true), null, limits)).toBe(expected)
        if (truth) expectOrder(decided, operations)
        else expectProof(operations)
      }),
      { numRuns: 3000, seed: 7 },
    )
    // The histories are of both kinds, or this shows nothing.
    expect(valid).toBeGreaterThan(300)
    expect(invalid).toBeGreaterThan(300)
  })

  test('for registers whose operations nearly all crashed', () => {
    let invalid = 0
    fc.assert(
      fc.property(registers, fc.boolean(), (history, hasForesight) => {
        const operations = operationsOf(history)
        const truth = isLinearizable(operations, null)
        if (!truth) invalid++
        const limits = hasForesight ? FORESIGHT : LIMITS
        const { outcome } = decide(operations, registerObject(true), [null], limits)
        const expected = truth ? 'linearizable' : 'not-linearizable'
        expect(outcome.type).toBe(expected)
        expect(searched(operations, registerObject(true), null, limits)).toBe(expected)
      }),
      { numRuns: 3000, seed: 7 },
    )
    expect(invalid).toBeGreaterThan(300)
    expect(invalid).toBeLessThan(2700)
  })

  test('for strings with appends', () => {
    let invalid = 0
    fc.assert(
      fc.property(texts, fc.boolean(), (history, hasForesight) => {
        const operations = operationsOf(history)
        const truth = isLinearizable(operations, '')
        if (!truth) invalid++
        const limits = hasForesight ? FORESIGHT : LIMITS
        const { outcome } = decide(operations, textObject(), [''], limits)
        expect(outcome.type).toBe(truth ? 'linearizable' : 'not-linearizable')
      }),
      { numRuns: 800, seed: 7 },
    )
    expect(invalid).toBeGreaterThan(100)
    expect(invalid).toBeLessThan(700)
  })
})

test('a crashed cas may produce a value that an earlier crashed write could produce, too', () => {
  const events = (
    [
      [0, 'invoke', 'write', 1],
      [1, 'invoke', 'cas', [null, 1]],
      [2, 'invoke', 'cas', [1, 0]],
      [2, 'ok', 'cas', [1, 0]],
      [2, 'invoke', 'cas', [1, 1]],
      [2, 'ok', 'cas', [1, 1]],
    ] as const
  ).map(([process, type, f, value], index) => ({ index, time: index, process, type, f, value }))
  const { outcome } = decide(operationsOf(events), registerObject(true), [null], LIMITS)
  // Nothing but this: the crashed cas, 1 to 0, the crashed write, 1 to 1.
  expect(outcome).toEqual({ type: 'linearizable', order: Int32Array.of(1, 2, 0, 3) })
})

test('every history of a correct register is linearizable, whichever operations crashed', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 2, max: 20 }), (seed, processes) => {
      const plan = { operations: 400, keys: 1, processes, values: 5, crashedPerMille: 20 }
      const operations = operationsOf(registerHistory(new SeededRandom(seed), plan))
      const { outcome } = decide(operations, registerObject(true), [null], LIMITS)
      expect(outcome.type).toBe('linearizable')
    }),
    { numRuns: 50, seed: 7 },
  )
})

describe('the limits of the search', () => {
  const hard = operationsOf(
    registerHistory(new SeededRandom('hard'), {
      operations: 2000,
      keys: 1,
      processes: 40,
      values: 3,
    }),
  )

  test('a search that runs out of time is unknown', () => {
    let now = 0
    const limits = { memoBytesMax: 1e9, deadlineMs: 1, nowMs: () => now++ }
    const { outcome } = decide(withoutRoom(hard), registerObject(true), [null], limits)
    expect(outcome).toEqual({ type: 'unknown', why: 'time' })
  })

  test('a search that runs out of memory is unknown', () => {
    const limits = { memoBytesMax: 10_000, deadlineMs: Infinity, nowMs: () => 0 }
    const { outcome } = decide(withoutRoom(hard), registerObject(true), [null], limits)
    expect(outcome).toEqual({ type: 'unknown', why: 'memory' })
  })
})

/** The last read returns what nobody wrote, so that every way has to be tried. */
function withoutRoom(operations: readonly Operation[]): Operation[] {
  const last = operations.findLastIndex(({ f, outcome }) => f === 'read' && outcome === 'ok')
  return operations.map((each, i) => (i === last ? { ...each, output: 'nobody' } : each))
}

/**
 * Every operation that returned is in the order, once, not before one that had returned when it began; it explains each
 * answer. By node:assert, because `expect` would take most of the time here.
 */
function expectOrder({ outcome }: Decided, operations: readonly Operation[]): void {
  if (outcome.type !== 'linearizable') throw new Error('no order')
  const order = Array.from(outcome.order, (row) => operations[row] as Operation)
  assert.equal(new Set(order).size, order.length)
  let latest = -1
  let state: Json = null
  for (const { f, input, output, outcome: end, firstIndex, lastIndex } of order) {
    assert.ok(lastIndex > latest || end === 'info')
    latest = Math.max(latest, firstIndex)
    if (f === 'read') assert.equal(output, state)
    else if (f === 'write') state = input
    else {
      const [expected, next] = input as [Json, Json]
      if (end === 'fail') assert.notEqual(state, expected)
      else {
        assert.equal(state, expected)
        state = next
      }
    }
  }
  const isIn = new Set(order)
  for (const operation of operations) {
    const must = operation.outcome === 'ok' && operation.f !== 'cas'
    if (must) assert.ok(isIn.has(operation))
  }
}

/**
 * The operations of the evidence alone cannot be ordered, even if what is left out never returned; where it says
 * so, whatever the register held at some moment before.
 */
function expectProof(operations: readonly Operation[]): void {
  const object = registerObject(true)
  const decided = decide(operations, object, [null], LIMITS)
  const core = smallestCore(decided as Parameters<typeof smallestCore>[0], object, [null], LIMITS)
  const told = new Set(core.sources)
  const before = core.anyStateBefore ?? 0
  const trial = operations.flatMap((operation, source): Operation[] => {
    if (told.has(source)) return [operation]
    if (operation.lastIndex < before && operation.outcome !== 'info') return []
    if (operation.outcome === 'fail') return []
    return [{ ...operation, outcome: 'info' }]
  })
  const states: readonly Json[] =
    core.anyStateBefore !== undefined ? [null, 0, 1, 2, 3, 4, 'another'] : [null]
  for (const state of states) expect(isLinearizable(trial, state)).toBe(false)
}

/** Reads, writes and compare-and-sets with any answers, on any intervals. */
const registers = historiesOf(
  fc.record({
    client: fc.integer({ min: 0, max: 3 }),
    f: fc.constantFrom('read', 'write', 'cas', 'cas'),
    argument: fc.constantFrom<Json>([null, 1], [1, 0], [1, 1], [0, 1]),
    answer: fc.constantFrom<Json>(null, 0, 1),
    end: fc.constantFrom('ok' as const, 'fail' as const, 'info' as const, 'info' as const),
  }),
)

/** Gets, puts and appends with any answers, on any intervals. */
const texts = historiesOf(
  fc.record({
    client: fc.integer({ min: 0, max: 3 }),
    f: fc.constantFrom('get', 'put', 'append', 'append'),
    argument: fc.constantFrom<Json>('a', 'b'),
    answer: fc.constantFrom<Json>('', 'a', 'b', 'ab', 'ba', 'aa'),
    end: fc.constantFrom(
      'ok' as const,
      'ok' as const,
      'ok' as const,
      'fail' as const,
      'info' as const,
    ),
  }),
)

interface Turn {
  readonly client: number
  readonly f: string
  readonly argument: Json
  readonly answer: Json
  readonly end: 'ok' | 'fail' | 'info'
}

/** Each turn of a client begins an operation, or ends the one that it began. */
function historiesOf(turn: fc.Arbitrary<Turn>): fc.Arbitrary<HistoryEvent[]> {
  return fc.array(turn, { minLength: 2, maxLength: 14 }).map((turns) => {
    const events: HistoryEvent[] = []
    const open = new Map<number, { process: number; f: string; asked: Json }>()
    const names = new Map<number, number>()
    let next = 4
    for (const { client, f, argument, answer, end } of turns) {
      const called = open.get(client)
      const index = events.length
      if (called === undefined) {
        const process = names.get(client) ?? client
        const isRead = f === 'get' || f === 'read'
        const pair = argument as readonly Json[]
        const asked = isRead ? null : f === 'write' ? (pair[1] as Json) : argument
        open.set(client, { process, f, asked })
        events.push({ index, time: index, process, type: 'invoke', f, value: asked })
        continue
      }
      open.delete(client)
      const value = called.f === 'get' || called.f === 'read' ? answer : called.asked
      const event = { index, time: index, process: called.process, type: end, f: called.f, value }
      events.push(end === 'fail' && called.f === 'cas' ? { ...event, error: 'mismatch' } : event)
      if (end === 'info') names.set(client, next++)
    }
    return events
  })
}
