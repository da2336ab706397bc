/** The pure core of a request: every sequence of failures keeps its invariants. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Call, type Failure, type NextAttempt } from '../../../src/client/request/call.ts'
import { EndpointRing } from '../../../src/client/request/endpoint-ring.ts'
import {
  RejectedError,
  UnknownOutcomeError,
  UsageError,
} from '../../../src/client/request/request-error.ts'

const ATTEMPTS = 4
const RETRY = { attempts: ATTEMPTS, baseMs: 50, maxMs: 120 }

const failures: fc.Arbitrary<Failure> = fc
  .record({
    outcome: fc.constantFrom('rejected' as const, 'unknown' as const),
    retryable: fc.boolean(),
    isUnsent: fc.boolean(),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
  })
  .map((random) => failure(random.isUnsent ? { ...random, outcome: 'rejected' } : random))

const runs = fc.record({
  failures: fc.array(failures, { minLength: 1, maxLength: 8 }),
  /** How long each attempt takes, as a share of its time, and the random part of each pause. */
  shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
  fractions: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), {
    minLength: 9,
    maxLength: 9,
  }),
  isRead: fc.boolean(),
  isRepeatable: fc.boolean(),
  endpoints: fc.integer({ min: 1, max: 6 }),
  timeoutMs: fc.integer({ min: 1, max: 8000 }),
})

describe('any sequence of failures', () => {
  test('keeps to the deadline, the number of attempts, Retry-After, and the outcome', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const isRepeatable = run.isRead || run.isRepeatable
        const { call, ring } = newCall({ ...run, isRepeatable })
        const made: { next: NextAttempt; endMs: number; failure: Failure }[] = []
        let nowMs = 0
        for (const [i, failed] of run.failures.entries()) {
          const next = call.next(nowMs, run.fractions[i] as number)
          if (next === undefined) break
          expect(next.startMs).toBeGreaterThanOrEqual(nowMs)
          expect(next.timeoutMs).toBeGreaterThan(0)
          expect(next.startMs + next.timeoutMs).toBeLessThanOrEqual(run.timeoutMs + 1e-6)
          expect(ring.all).toContain(next.endpoint)
          const before = made.at(-1)
          if (before !== undefined) {
            const wasUnknown = made.some(({ failure: one }) => one.outcome === 'unknown')
            expect(wasUnknown && !isRepeatable).toBe(false)
            expect(before.failure.outcome === 'unknown' || before.failure.retryable).toBe(true)
          }
          for (const { next: earlier, endMs, failure: one } of made) {
            if (earlier.endpoint !== next.endpoint) continue
            expect(next.startMs).toBeGreaterThanOrEqual(endMs + (one.retryAfterMs ?? 0) - 1e-6)
          }
          nowMs = next.startMs + next.timeoutMs * (run.shares[i] as number)
          call.failed(next.endpoint, failed, next.startMs, nowMs)
          made.push({ next, endMs: nowMs, failure: failed })
        }
        expect(made.length).toBeLessThanOrEqual(ATTEMPTS)
        const error = call.error()
        const wasUnknown = made.some(({ failure: one }) => one.outcome === 'unknown')
        expect(error.attempts).toHaveLength(made.length)
        expect(error instanceof UnknownOutcomeError).toBe(wasUnknown && !run.isRead)
        expect(call.mayBeApplied(false)).toBe(wasUnknown && !run.isRead)
      }),
      { numRuns: 1000 },
    )
  })

  test('is a pause of full jitter below a bound that doubles', () => {
    for (const fraction of [0, 0.25, 0.999]) {
      const { call } = newCall({ endpoints: 1, timeoutMs: 10_000 })
      const pauses: number[] = []
      for (let nowMs = 0; ;) {
        const next = call.next(nowMs, fraction)
        if (next === undefined) break
        pauses.push(next.startMs - nowMs)
        nowMs = next.startMs + 1
        call.failed(next.endpoint, failure({}), next.startMs, nowMs)
      }
      expect(pauses.map((ms) => Math.round(ms * 1e6) / 1e6)).toEqual([
        0,
        fraction * 50,
        fraction * 100,
        fraction * 120,
      ])
    }
  })
})

describe('the next endpoint', () => {
  test('is another one at once if there was no connection', () => {
    const { call, ring } = newCall({ endpoints: 3 })
    const asked = [0, 1, 2].map(() => {
      const next = call.next(0, 0.9) as NextAttempt
      expect(next.startMs).toBe(0)
      call.failed(next.endpoint, failure({ isUnsent: true }), 0, 0)
      return next.endpoint
    })
    expect(new Set(asked)).toEqual(new Set(ring.all))
    // All have failed once: from now on there is a pause.
    expect(call.next(0, 0.5)?.startMs).toBe(60)
  })

  test('is the one whose Retry-After ends first, once every one has sent one', () => {
    const { call } = newCall({ endpoints: 2, timeoutMs: 5000 })
    const first = call.next(0, 0) as NextAttempt
    call.failed(first.endpoint, failure({ retryAfterMs: 2000 }), 0, 0)
    const second = call.next(0, 0) as NextAttempt
    expect(second.endpoint).not.toBe(first.endpoint)
    call.failed(second.endpoint, failure({ retryAfterMs: 1000 }), 0, 0)
    expect(call.next(0, 0)).toMatchObject({ endpoint: second.endpoint, startMs: 1000 })
  })

  test('is none if every Retry-After is beyond the deadline', () => {
    const { call } = newCall({ endpoints: 1, timeoutMs: 900 })
    const first = call.next(0, 0) as NextAttempt
    call.failed(first.endpoint, failure({ retryAfterMs: 1000 }), 0, 0)
    expect(call.next(0, 0)).toBeUndefined()
    expect(call.error()).toBeInstanceOf(RejectedError)
  })

  test('is no resting one while another does not rest', () => {
    const ring = ringOf(3)
    const [one, two, three] = ring.all as [never, never, never]
    ring.rest(one, 100)
    ring.rest(two, 200)
    const call = callOn(ring, {})
    expect(call.next(0, 0)?.endpoint).toBe(three)
    expect(ring.isResting(one, 99)).toBe(true)
    expect(ring.isResting(one, 100)).toBe(false)
    for (const endpoint of ring.all) ring.rest(endpoint, 1000)
    expect(callOn(ring, {}).next(0, 0)).toMatchObject({ startMs: 0 })
  })
})

describe('the time of an attempt', () => {
  test('is a share of what is left if another attempt may follow', () => {
    const { call } = newCall({ isRepeatable: true, timeoutMs: 4000 })
    expect(call.next(0, 0)?.timeoutMs).toBe(1000)
  })

  test('is no share that is too short for a slow node', () => {
    expect(newCall({ isRepeatable: true, timeoutMs: 1200 }).call.next(0, 0)?.timeoutMs).toBe(500)
    expect(newCall({ isRepeatable: true, timeoutMs: 100 }).call.next(0, 0)?.timeoutMs).toBe(100)
  })

  test('is all that is left if none may follow an unknown one', () => {
    const { call } = newCall({ timeoutMs: 4000 })
    expect(call.next(1000, 0)?.timeoutMs).toBe(3000)
  })
})

describe('a write whose name the nodes may have forgotten', () => {
  const HOUR_MS = 3_600_000

  test('is not sent again after an unknown attempt', () => {
    const { call } = newCall({ endpoints: 1, isRepeatable: true, timeoutMs: HOUR_MS })
    fail(call, failure({ outcome: 'unknown', retryAfterMs: 300_001 }))
    expect(call.next(0, 0)).toBeUndefined()
    expect(call.error()).toBeInstanceOf(UnknownOutcomeError)
  })

  test('is sent again if no attempt was unknown, and so is a read', () => {
    for (const isRead of [false, true]) {
      const { call } = newCall({ endpoints: 1, isRead, isRepeatable: true, timeoutMs: HOUR_MS })
      const outcome = isRead ? 'unknown' : 'rejected'
      fail(call, failure({ outcome, retryAfterMs: 300_001 }))
      expect(call.next(0, 0)).toMatchObject({ startMs: 300_001 })
    }
  })
})

describe('the end', () => {
  test('of a write with an unknown attempt is unknown, whatever a later one was told', () => {
    const { call } = newCall({ isRepeatable: true })
    fail(call, failure({ outcome: 'unknown', code: 'deadline_passed' }))
    fail(call, failure({ code: 'precondition_failed', retryable: false }))
    expect(call.next(0, 0)).toBeUndefined()
    expect(call.error()).toMatchObject({
      name: 'UnknownOutcomeError',
      code: 'deadline_passed',
      retryable: false,
    })
  })

  test('tells what a node said, rather than that another did not answer', () => {
    const { call } = newCall({})
    const problem = { ...PROBLEM, code: 'quorum_unreachable' as const }
    fail(call, failure({ code: 'quorum_unreachable', problem }))
    fail(call, failure({ code: 'unreachable', isUnsent: true }))
    expect(call.error()).toMatchObject({ code: 'quorum_unreachable', problem })
    expect(call.error().message).toMatch(
      /PUT \/k was rejected: .* \[quorum_unreachable\] \(.*; .*\)/,
    )
  })

  test('of a call whose time was over at once is a rejection', () => {
    const { call } = newCall({ timeoutMs: 10 })
    expect(call.next(10, 0)).toBeUndefined()
    expect(call.error()).toMatchObject({ name: 'RejectedError', code: 'deadline_passed' })
  })

  test('of a wrong request is a UsageError', () => {
    const { call } = newCall({})
    const problem = { ...PROBLEM, code: 'bad_parameter' as const, status: 400, retryable: false }
    fail(call, failure({ code: 'bad_parameter', retryable: false, problem }))
    expect(call.next(0, 0)).toBeUndefined()
    expect(call.error()).toBeInstanceOf(UsageError)
  })
})

const PROBLEM = {
  code: 'overloaded' as const,
  title: 'title',
  status: 503,
  detail: 'detail',
  outcome: 'rejected' as const,
  retryable: true,
}

function failure(parts: Partial<Failure>): Failure {
  return {
    code: 'overloaded',
    detail: 'detail',
    outcome: 'rejected',
    retryable: true,
    isUnsent: false,
    status: 503,
    retryAfterMs: undefined,
    problem: undefined,
    cause: undefined,
    ...parts,
  }
}

function fail(call: Call, failed: Failure): void {
  const { endpoint } = call.next(0, 0) as NextAttempt
  call.failed(endpoint, failed, 0, 0)
}

function ringOf(count: number): EndpointRing {
  return new EndpointRing(
    Array.from({ length: count }, (_, i) => `http://node${i}`),
    0,
  )
}

interface CallParts {
  readonly endpoints?: number
  readonly timeoutMs?: number
  readonly isRead?: boolean
  readonly isRepeatable?: boolean
}

function callOn(ring: EndpointRing, parts: CallParts): Call {
  const { timeoutMs = 1000, isRead = false, isRepeatable = false } = parts
  return new Call(
    {
      what: 'PUT /k',
      isRead,
      isRepeatable,
      deadlineMs: timeoutMs,
      retry: RETRY,
      endpoints: ring.order(undefined, 0),
    },
    ring,
  )
}

function newCall(parts: CallParts): { call: Call; ring: EndpointRing } {
  const ring = ringOf(parts.endpoints ?? 3)
  return { call: callOn(ring, parts), ring }
}
