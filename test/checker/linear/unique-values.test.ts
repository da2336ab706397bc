/**
 * The linear test of unique values never differs from trying every order, nor from the search. Most histories here have
 * unique values; some values are written twice, or read without having been written.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { registerHistory } from '../../../src/bench/generated-history.ts'
import type { HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import { operationsOf, type Operation } from '../../../src/checker/history/operation.ts'
import { decide, smallestCore } from '../../../src/checker/linear/decide.ts'
import type { Limits, Outcome } from '../../../src/checker/linear/outcome.ts'
import { registerObject } from '../../../src/checker/linear/register-object.ts'
import type { Problem } from '../../../src/checker/linear/search-problem.ts'
import { search } from '../../../src/checker/linear/search.ts'
import { problemOf } from '../../../src/checker/linear/table-problem.ts'
import { decideUnique } from '../../../src/checker/linear/unique-values.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { isLinearizable } from './brute-force.ts'
import { tableFrom } from './tables.ts'

const LIMITS: Limits = { memoBytesMax: 100_000_000, deadlineMs: Infinity, nowMs: () => 0 }
const SOURCE = new URL('../../../src/checker/linear/unique-values.ts', import.meta.url)

type Decide = (problem: Problem) => Outcome | undefined

/** Values from 1 are written by the operations in their order; nobody writes 99. */
const UNWRITTEN = 99

interface Shape {
  /** The order in which operations begin and end: each number begins its operation, and ends it the second time. */
  readonly moments: readonly number[]
  readonly calls: readonly Call[]
}

interface Call {
  readonly f: 'read' | 'write' | 'cas'
  readonly seen: number
  readonly end: 'ok' | 'fail' | 'info'
  /** Whether a change gives the value of the operation before it. */
  readonly repeats: boolean
}

const OPERATIONS_MAX = 7

const calls = fc.array(
  fc.record<Call>({
    f: fc.constantFrom('read', 'read', 'write', 'write', 'cas'),
    seen: fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 0, max: OPERATIONS_MAX }) },
      { weight: 1, arbitrary: fc.constant(UNWRITTEN) },
    ),
    end: fc.constantFrom('ok', 'ok', 'ok', 'ok', 'fail', 'info'),
    repeats: fc.integer({ min: 0, max: 15 }).map((drawn) => drawn === 0),
  }),
  { minLength: 2, maxLength: OPERATIONS_MAX },
)

/** Any answers on any intervals. */
const shapes: fc.Arbitrary<Shape> = calls.chain((drawn) =>
  fc
    .shuffledSubarray(
      drawn.flatMap((_, op) => [op, op + drawn.length]),
      { minLength: drawn.length * 2 },
    )
    .map((places) => ({ moments: places.map((place) => place % drawn.length), calls: drawn })),
)

function historyOf({ moments, calls: drawn }: Shape): HistoryEvent[] {
  const hasBegun = new Set<number>()
  const order = [...new Set(moments)]
  return moments.map((op, index): HistoryEvent => {
    const { f, seen, end, repeats } = drawn[op] as Call
    const own = order.indexOf(op) + 1
    const given = repeats ? own - 1 || null : own
    const asked: Json = f === 'read' ? null : f === 'write' ? given : [seen || null, given]
    const event = { index, time: index, process: op, f, value: asked }
    if (!hasBegun.has(op)) {
      hasBegun.add(op)
      return { ...event, type: 'invoke' }
    }
    const value = f === 'read' && end === 'ok' ? seen || null : asked
    const error = f === 'cas' && end === 'fail' ? { error: 'mismatch' } : {}
    return { ...event, value, type: end, ...error }
  })
}

/** Histories of a correct register, of which some reads are changed afterwards. */
const nearlyRight = fc
  .record({
    seed: fc.string({ minLength: 1 }),
    operations: fc.integer({ min: 2, max: 16 }),
    processes: fc.integer({ min: 1, max: 6 }),
    crashedPerMille: fc.constantFrom(0, 0, 150, 400),
    changes: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 2 }),
  })
  .map(({ seed, changes, ...plan }) => {
    const events = registerHistory(new SeededRandom(seed), { ...plan, keys: 1 })
    for (const [place, drawn] of changes) {
      const at = place % events.length
      const event = events[at] as HistoryEvent
      const value = drawn % (plan.operations + 1)
      if (event.type === 'ok' && event.f === 'read') events[at] = { ...event, value: value || null }
    }
    return events
  })

const histories = fc.oneof(shapes.map(historyOf), nearlyRight)

function problemFrom(operations: readonly Operation[]): Problem {
  const object = registerObject(true)
  const table = tableFrom(operations, object)
  return problemOf(table, [object.stateOf(null)], object.follows)
}

/** Counts the decisions. */
class Tally {
  valid = 0
  invalid = 0
  undecided = 0
}

/**
 * The decision agrees with the truth, and its order or its dead end is a proof. By node:assert, because `expect` would
 * take most of the time here.
 */
function expectRight(operations: readonly Operation[], judge: Decide, tally: Tally): void {
  const truth = isLinearizable(operations, null)
  const problem = problemFrom(operations)
  const right = truth ? 'linearizable' : 'not-linearizable'
  assert.equal(search(problem, LIMITS).type, right)
  const outcome = judge(problem)
  if (outcome === undefined) {
    tally.undecided++
    assert.ok(isBeyond(operations))
    return
  }
  assert.equal(outcome.type, right)
  if (outcome.type === 'linearizable') {
    tally.valid++
    expectOrder(problem, outcome.order)
  } else if (outcome.type === 'not-linearizable') {
    tally.invalid++
    const culprit = operations[problem.rows[outcome.op] as number] as Operation
    assert.notEqual(culprit.outcome, 'info')
    // All that had begun when the culprit returned proves it already.
    const before = operations
      .filter(({ firstIndex }) => firstIndex < culprit.lastIndex)
      .filter(({ lastIndex, outcome: end }) => lastIndex <= culprit.lastIndex || end !== 'fail')
      .map((each): Operation =>
        each.lastIndex > culprit.lastIndex ? { ...each, outcome: 'info' } : each,
      )
    assert.ok(!isLinearizable(before, null))
  }
}

/** Whether the test may leave the history undecided: a change is repeated, or a compare-and-set failed. */
function isBeyond(operations: readonly Operation[]): boolean {
  const given = operations
    .filter(({ f, outcome }) => f !== 'read' && outcome !== 'fail')
    .map(({ f, input }) => (f === 'cas' ? (input as Json[])[1] : input))
  const hasFailed = operations.some(({ f, outcome }) => f === 'cas' && outcome === 'fail')
  return hasFailed || given.includes(null) || new Set(given).size < given.length
}

function expectOrder(problem: Problem, order: Int32Array): void {
  const { count, events, isCrashed, needs, avoids, gives, initial } = problem
  const placeOf = (event: number): number => {
    const at = events.indexOf(event)
    return at < 0 ? Infinity : at
  }
  let state = initial[0]
  order.forEach((op, place) => {
    assert.equal(order.indexOf(op), place)
    for (const later of order.subarray(place + 1)) {
      assert.ok(placeOf(~later) > placeOf(op))
    }
    if (needs[op] !== -1) assert.equal(needs[op], state)
    assert.notEqual(avoids[op], state)
    if (gives[op] !== -1) state = gives[op] as number
  })
  for (let op = 0; op < count; op++) {
    if (isCrashed[op] === 0) assert.ok(order.includes(op))
  }
}

describe('the test of unique values', () => {
  test('agrees with trying every order, and with the search', () => {
    const tally = new Tally()
    fc.assert(
      fc.property(histories, (history) => expectRight(operationsOf(history), decideUnique, tally)),
      { numRuns: 10_000, seed: 7 },
    )
    expect(tally.valid).toBeGreaterThan(3000)
    expect(tally.invalid).toBeGreaterThan(3000)
    expect(tally.undecided).toBeLessThan(3000)
  })

  test('agrees with the search on longer histories, and decides nearly all of them', () => {
    let valid = 0
    let invalid = 0
    for (let run = 0; run < 400; run++) {
      const random = new SeededRandom(`long ${run}`)
      const events = registerHistory(random, {
        operations: 300,
        keys: 1,
        processes: 2 + random.below(10),
        crashedPerMille: 20,
        hasStaleRead: run % 2 === 0,
      })
      const problem = problemFrom(operationsOf(events))
      const outcome = decideUnique(problem)
      if (outcome === undefined) continue
      if (outcome.type === 'linearizable') valid++
      else invalid++
      expect(outcome.type).toBe(search(problem, LIMITS).type)
    }
    expect(valid).toBeGreaterThan(190)
    expect(invalid).toBeGreaterThan(190)
  })
})

describe('a wrong variant is found', () => {
  test.each([
    ['zones may overlap', 'at < heldUntil && (hasZone ||', 'at < heldUntil && (!hasZone &&'],
    ['a block may lie in a zone', '(until[head] as number) < heldUntil', 'false'],
    ['a read may come before its write', 'if (first < last) return', 'if (first < 0) return'],
    ['a compare-and-set may come too early', 'if (end < last) return', 'if (end < 0) return'],
    ['a circle is no contradiction', 'isReached[op] === 0)', 'isReached[op] === 2)'],
    ['the initial value lasts', 'let heldUntil = until[count] as number', 'let heldUntil = -1'],
    ['a zone ends early', 'heldUntil = until[head] as number', 'heldUntil = at'],
  ])('%s', async (_, right, wrong) => {
    const variant = await variantOf(right, wrong)
    const isFine = (history: readonly HistoryEvent[]): boolean => {
      try {
        expectRight(operationsOf(history), variant, new Tally())
        return true
      } catch {
        return false
      }
    }
    const found = fc.check(fc.property(histories, isFine), { numRuns: 10_000, seed: 7 })
    expect(found.failed).toBe(true)
  })
})

/** The test with one place of its source changed. */
async function variantOf(right: string, wrong: string): Promise<Decide> {
  const source = readFileSync(SOURCE, 'utf8')
  expect(source.split(right).length).toBe(2)
  const code = stripTypeScriptTypes(source.replace(right, wrong)).replaceAll(
    /from '(\.[^']+)'/g,
    (__, path: string) => `from '${new URL(path, SOURCE).href}'`,
  )
  const { decideUnique: variant } = (await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`
  )) as { decideUnique: Decide }
  return variant
}

test('compare-and-sets of unknown outcome that need each other in a circle are a contradiction', () => {
  const told: [number, HistoryEvent['type'], string, Json][] = [
    [0, 'invoke', 'cas', [1, 2]],
    [1, 'invoke', 'cas', [2, 1]],
    [2, 'invoke', 'cas', [2, 3]],
    [3, 'invoke', 'read', null],
    [3, 'ok', 'read', 3],
  ]
  const events = told.map(([process, type, f, value], index): HistoryEvent => {
    return { index, time: index, process, type, f, value }
  })
  const outcome = decideUnique(problemFrom(operationsOf(events)))
  expect(outcome).toEqual({ type: 'not-linearizable', op: 3, event: 4 })
})

test('a contradiction that the search has no memory to find is told, by few operations', () => {
  const plan = { operations: 600, keys: 1, processes: 30, hasStaleRead: true }
  const operations = operationsOf(registerHistory(new SeededRandom('hard'), plan))
  const limits = { ...LIMITS, memoBytesMax: 0 }
  const object = registerObject(true)
  const decided = decide(tableFrom(operations, object), object, [null], limits)
  expect(decided.outcome.type).toBe('not-linearizable')
  const proof = decided as Parameters<typeof smallestCore>[0]
  const { sources } = smallestCore(proof, object, [null], LIMITS)
  expect(sources.length).toBeLessThan(12)
})
