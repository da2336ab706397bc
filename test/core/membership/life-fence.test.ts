import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fencesNeeded,
  judgeLife,
  type KnownLives,
  SUPERSEDED_MAX,
  withNewcomer,
} from '../../../src/core/membership/life-fence.ts'
import { majority } from '../../../src/core/quorum/level.ts'

function subsets(count: number): boolean[][] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_bit, i) => ((bits >> i) & 1) === 1),
  )
}

describe('the fence between two processes of one node', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])(
    'of %i owners, leaves no majority to the older process once the newer one may count',
    (owners) => {
      for (const fenced of subsets(owners - 1)) {
        const taken = fenced.filter(Boolean).length
        const older = 1 + (owners - 1 - taken)
        const mayCount = taken >= fencesNeeded(owners)
        // A node alone has nobody to ask, and no other process counts with anybody.
        if (owners > 1) expect(mayCount && older >= majority(owners)).toBe(false)
        // No fewer would do.
        if (owners > 1 && taken === fencesNeeded(owners) - 1) {
          expect(older).toBeGreaterThanOrEqual(majority(owners))
        }
      }
    },
  )

  it('never listens to a process again after it has taken a newer one, whoever dials and whenever links break', () => {
    const step = fc.record({
      life: fc.integer({ min: 1, max: 6 }),
      what: fc.constantFrom('dials', 'breaks', 'peer restarts'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let known: KnownLives | undefined
        let linked: number | undefined
        const replaced = new Set<number>()
        for (const { life, what } of steps) {
          if (what !== 'dials') {
            linked = undefined
            // What is kept on the disk is all that a restart leaves.
            known = structuredClone(known)
            continue
          }
          const verdict = judgeLife(known, life, linked !== undefined)
          if (replaced.has(life)) expect(verdict).toBe('superseded')
          if (linked !== undefined && linked !== life) expect(verdict).not.toBe('newcomer')
          if (verdict === 'newcomer') {
            if (known !== undefined) replaced.add(known.current)
            known = withNewcomer(known, life)
          }
          if (verdict === 'newcomer' || verdict === 'current') linked = life
        }
      }),
    )
  })

  it('remembers a bounded number of replaced processes, the latest ones', () => {
    let known: KnownLives | undefined
    for (let life = 0; life <= SUPERSEDED_MAX + 1; life++) known = withNewcomer(known, life)
    expect(known?.superseded.length).toBe(SUPERSEDED_MAX)
    expect(judgeLife(known, SUPERSEDED_MAX, false)).toBe('superseded')
    expect(judgeLife(known, SUPERSEDED_MAX + 1, true)).toBe('current')
  })
})
