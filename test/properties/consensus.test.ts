/**
 * Consensus over a randomized network: whatever is lost, repeated, reordered or restarted, one register has
 * one history. The controls plant a bug each and must be found, else the check proves nothing.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findViolation, runRegister, type Flaw } from '../core/consensus/register-world.ts'
import { seededRandom } from '../core/seeded-random.ts'

const STEPS = 1500
const CONTROL_SEEDS = 1000

describe('consensus register', () => {
  it('has one history without lost or repeated changes, under any network', () => {
    const world = fc.record({
      seed: fc.integer(),
      acceptors: fc.constantFrom(1, 2, 3, 4, 5, 7),
      proposers: fc.integer({ min: 1, max: 5 }),
    })
    fc.assert(
      fc.property(world, ({ seed, acceptors, proposers }) => {
        const settings = { acceptors, proposers, steps: STEPS, flaw: 'none' } as const
        const attempts = runRegister(settings, seededRandom(seed))
        expect(findViolation(attempts)).toBeUndefined()
      }),
      { numRuns: 1000, seed: 20261123 },
    )
  })

  it('gets changes decided, and meets every way to fail', () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 50; seed += 1) {
      const settings = { acceptors: 3, proposers: 3, steps: STEPS, flaw: 'none' } as const
      for (const { result } of runRegister(settings, seededRandom(seed))) {
        outcomes.add(result.type === 'decided' ? 'decided' : `${result.type} ${result.outcome}`)
      }
    }
    expect([...outcomes].sort()).toEqual([
      'conflict rejected',
      'conflict unknown',
      'decided',
      'unreachable rejected',
      'unreachable unknown',
    ])
  })

  const flaws: Flaw[] = [
    'promise forgotten at restart',
    'acceptance forgotten at restart',
    'accepted values ignored',
    'reads not confirmed',
  ]
  it.each(flaws)('is found broken with a planted bug: %s', (flaw) => {
    let violation: string | undefined
    for (let seed = 0; seed < CONTROL_SEEDS && violation === undefined; seed += 1) {
      const settings = { acceptors: 3, proposers: 3, steps: STEPS, flaw }
      violation = findViolation(runRegister(settings, seededRandom(seed)))
    }
    expect(violation).toBeDefined()
  })
})
