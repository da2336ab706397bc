/**
 * Failure detection over many seeds: the bounds hold for every order of probes, phase of ticks and moment
 * of the fault, and any sequence of faults is forgotten within seconds of its end.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MembershipWorld } from '../core/membership/membership-world.ts'

const COUNT = 5
const RUNS = { numRuns: 60, seed: 20261123 } as const

describe('membership over seeds', () => {
  it('calls a silent node down in 1.5 to 4.5 s, and a returned one up in under 1 s', () => {
    const fault = fc.record({
      seed: fc.integer(),
      waitMs: fc.integer({ min: 1500, max: 4000 }),
      awayMs: fc.integer({ min: 5000, max: 9000 }),
    })
    fc.assert(
      fc.property(fault, ({ seed, waitMs, awayMs }) => {
        const world = new MembershipWorld(COUNT, seed)
        world.run(waitMs)
        const rest = world.ids.slice(1)
        world.partition(['n1'], rest)
        const tookMs = world.runUntil(4500, () => world.agree(rest, ['n1'], 'down'))
        expect(tookMs).toBeGreaterThan(1500)
        world.run(awayMs)
        expect(world.agree(['n1'], rest, 'down')).toBe(true)
        world.heal()
        expect(world.runUntil(999, () => world.agree(world.ids, world.ids, 'up'))).toBeDefined()
      }),
      RUNS,
    )
  })

  it('is of one mind within 5 s after any faults, and stays so', () => {
    const node = fc.integer({ min: 1, max: COUNT }).map((i) => `n${i}`)
    const step = fc.oneof(
      fc.record({ type: fc.constant('cut' as const), from: node, to: node }),
      fc.record({ type: fc.constant('crash' as const), id: node }),
      fc.record({ type: fc.constant('pause' as const), id: node }),
      fc.record({ type: fc.constant('loss' as const), permille: fc.integer({ min: 0, max: 600 }) }),
      fc.record({ type: fc.constant('heal' as const) }),
    )
    const story = fc.array(fc.tuple(step, fc.integer({ min: 10, max: 6000 })), { maxLength: 12 })
    fc.assert(
      fc.property(fc.integer(), story, (seed, steps) => {
        const world = new MembershipWorld(COUNT, seed)
        const crashed = new Set<string>()
        const paused = new Set<string>()
        for (const [fault, durationMs] of steps) {
          if (fault.type === 'cut' && fault.from !== fault.to) world.cut(fault.from, fault.to)
          if (fault.type === 'heal') world.heal()
          if (fault.type === 'loss') world.lossPermille = fault.permille
          if (fault.type === 'crash') {
            world.crash(fault.id)
            crashed.add(fault.id)
          }
          if (fault.type === 'pause') {
            world.pause(fault.id)
            paused.add(fault.id)
          }
          world.run(durationMs)
        }
        world.heal()
        world.lossPermille = 0
        for (const id of crashed) world.start(id)
        for (const id of paused) if (!crashed.has(id)) world.resume(id)
        const whole = (): boolean => world.agree(world.ids, world.ids, 'up')
        expect(world.runUntil(5000, whole)).toBeDefined()
        world.run(5000)
        const changes = world.changes.length
        world.run(20_000)
        expect(whole()).toBe(true)
        expect(world.changes).toHaveLength(changes)
      }),
      RUNS,
    )
  })
})
