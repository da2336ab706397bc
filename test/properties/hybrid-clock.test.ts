/** The hybrid clock under wall clocks that jump, readings of others, and restarts that lose what was not persisted. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  HybridClock,
  TICKS_PER_MS,
  TIMESTAMP_EPOCH_MS,
  timestampOf,
  wallMsOf,
} from '../../src/core/causality/hybrid-clock.ts'

const RUNS = { numRuns: 1000, seed: 20_261_123 }
const START_MS = TIMESTAMP_EPOCH_MS + 50_000_000_000

const events = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant({ type: 'mint' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('jump' as const),
        byMs: fc.integer({ min: -100_000, max: 100_000 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('receive' as const),
        aheadMs: fc.integer({ min: -500, max: 500 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
  ),
  { maxLength: 60 },
)

/** What a node does before it uses a clock, and when a mint is refused: the bound is durable before it is raised. */
function raise(clock: HybridClock, wallMs: number): number {
  const persisted = Math.max(clock.last, clock.bound, timestampOf(wallMs)) + TICKS_PER_MS
  clock.raiseBound(persisted)
  return persisted
}

it('hybrid clock: never goes back, over jumps, messages and restarts', () => {
  fc.assert(
    fc.property(events, (taken) => {
      let wallMs = START_MS
      let persisted = 0
      let clock = new HybridClock(persisted)
      let highestMinted = 0
      let highestOfLife = 0
      for (const event of taken) {
        const before = clock.last
        if (event.type === 'jump') wallMs += event.byMs
        if (event.type === 'restart') {
          clock = new HybridClock(persisted)
          highestOfLife = 0
        } else {
          expect(clock.last).toBeGreaterThanOrEqual(before)
        }
        if (event.type === 'receive') {
          const received = timestampOf(wallMs + event.aheadMs)
          clock.receive(received)
          highestOfLife = Math.max(highestOfLife, received)
        }
        if (event.type !== 'mint') continue
        let minted = clock.mint(wallMs)
        if (minted === undefined) {
          persisted = raise(clock, wallMs)
          minted = clock.mint(wallMs)
        }
        expect(minted).toBeGreaterThan(Math.max(highestMinted, highestOfLife))
        expect(minted).toBeLessThanOrEqual(persisted)
        highestMinted = minted as number
      }
    }),
    RUNS,
  )
})

it('hybrid clock: puts nothing on messages that a restarted clock is behind of', () => {
  fc.assert(
    fc.property(events, (taken) => {
      let wallMs = START_MS
      let clock = new HybridClock(0)
      let persisted = raise(clock, wallMs)
      let minted = 0
      for (const event of taken) {
        if (event.type === 'jump') wallMs += event.byMs
        // What is received may be above the bound; a stamp must not be.
        if (event.type === 'receive') clock.receive(timestampOf(wallMs + event.aheadMs))
        if (event.type === 'restart') clock = new HybridClock(persisted)
        if (event.type === 'mint') {
          const next = clock.mint(wallMs)
          if (next === undefined) persisted = raise(clock, wallMs)
          minted = next ?? minted
        }
        const stamp = clock.stamp(wallMs)
        expect(new HybridClock(persisted).last).toBeGreaterThanOrEqual(stamp)
        expect(stamp).toBeGreaterThanOrEqual(minted)
      }
    }),
    RUNS,
  )
})

it('hybrid clock: a control without the persisted bound goes back', () => {
  const clock = new HybridClock(0)
  clock.raiseBound(timestampOf(START_MS + 1000))
  const before = clock.mint(START_MS + 500) as number
  const forgetful = new HybridClock(0)
  forgetful.raiseBound(timestampOf(START_MS + 1000))
  expect(forgetful.mint(START_MS) as number).toBeLessThan(before)
})

it('hybrid clock: tells the wall time of a timestamp', () => {
  expect(wallMsOf(timestampOf(START_MS))).toBe(START_MS)
  expect(wallMsOf(timestampOf(START_MS) + 4095)).toBe(START_MS)
})

it('hybrid clock: calls whoever waits for a timestamp once, before it passes it, and before any event beyond it', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ type: fc.constant('mint' as const) }),
      fc.record({ type: fc.constant('stamp' as const) }),
      fc.record({
        type: fc.constant('receive' as const),
        ahead: fc.integer({ min: -50, max: 50 }),
      }),
      fc.record({ type: fc.constant('wait' as const), ahead: fc.integer({ min: -20, max: 60 }) }),
      fc.record({ type: fc.constant('cancel' as const), which: fc.nat({ max: 9 }) }),
      fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3 }) }),
    ),
    { maxLength: 80 },
  )
  fc.assert(
    fc.property(steps, (taken) => {
      let wallMs = START_MS
      const clock = new HybridClock(0)
      clock.raiseBound(timestampOf(START_MS + 1_000_000))
      clock.mint(wallMs)
      const waits: { at: number; calls: number; isCancelled: boolean; cancel: () => void }[] = []
      for (const step of taken) {
        if (step.type === 'pass') wallMs += step.ms
        else if (step.type === 'mint') clock.mint(wallMs)
        else if (step.type === 'stamp') clock.stamp(wallMs)
        else if (step.type === 'receive') clock.receive(clock.last + step.ahead)
        else if (step.type === 'cancel') {
          const wait = waits[step.which]
          if (wait === undefined) continue
          wait.cancel()
          wait.isCancelled ||= wait.calls === 0
        } else {
          const at = clock.last + step.ahead
          const wait = { at, calls: 0, isCancelled: false, cancel: (): void => undefined }
          const cancel = clock.beforePassing(at, () => {
            wait.calls++
            expect(clock.last).toBeLessThanOrEqual(at)
          })
          expect(cancel === undefined).toBe(step.ahead < 0)
          if (cancel === undefined) continue
          wait.cancel = cancel
          waits.push(wait)
        }
        for (const { at, calls, isCancelled } of waits) {
          expect(calls).toBe(clock.last > at && !isCancelled ? 1 : 0)
        }
      }
    }),
    RUNS,
  )
})
