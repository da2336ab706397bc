/**
 * Explores small worlds of writes and reads completely (small-read-model.ts). If a rule is left out, one of the worlds
 * must show the harm.
 */
import { describe, expect, it } from 'vitest'
import { exploreReads, type ReadFlaw, type SmallRead } from './small-read-model.ts'

const STATES_MAX = 100_000

const ONE_WRITE: SmallRead = {
  coordinators: [0],
  writes: [1],
  held: [0, 0, 0],
  promised: 0,
  required: 2,
  hasTimers: true,
  isLateExplored: false,
}
/** The first write is at one owner already. */
const TWO_WRITES: SmallRead = { ...ONE_WRITE, held: [1, 0, 0], writes: [2] }
const TWO_READS: SmallRead = {
  ...ONE_WRITE,
  held: [1, 0, 0],
  writes: [],
  coordinators: [0, 1],
  hasTimers: false,
}
const LATE: SmallRead = { ...ONE_WRITE, held: [1, 0, 0], writes: [], isLateExplored: true }
/**
 * The coordinator's own record is damaged. It held an acknowledged write, which is left at the first owner only. The
 * read needs one owner.
 */
const DAMAGED: SmallRead = {
  coordinators: [2],
  writes: [],
  held: [2, 0, 'damaged'],
  promised: 2,
  required: 1,
  hasTimers: true,
  isLateExplored: true,
}

describe('every run of reads at a majority', () => {
  it.each([
    ['one write, one read', ONE_WRITE, 8000, ['read repair', 'answered with a value']],
    ['the repair after the answer', LATE, 3000, ['late repair']],
    [
      'two writes, one read',
      TWO_WRITES,
      20_000,
      ['read repair', 'failed: differ', 'answered with a value'],
    ],
    ['one write, two reads', TWO_READS, 4000, ['read repair', 'answered with a value']],
    ['a damaged record', DAMAGED, 400, ['damaged record replaced']],
  ])('%s: keeps what was promised', (_, small, least, expected) => {
    const { violation, states, met } = exploreReads(small, 'none', STATES_MAX)
    expect(violation).toBeUndefined()
    expect(states).toBeGreaterThan(least)
    expect([...met]).toEqual(expect.arrayContaining(expected))
  })

  const flaws: [ReadFlaw, SmallRead][] = [
    ['answers without repair', ONE_WRITE],
    ['counts a lost repair', ONE_WRITE],
    ['reads one owner', ONE_WRITE],
    ['replaces a damaged record with any copy', DAMAGED],
    ['repairs before the disk', ONE_WRITE],
  ]
  it.each(flaws)('is found broken: %s', (flaw, small) => {
    expect(exploreReads(small, flaw, STATES_MAX).violation).toMatch(/lacks? what/)
  })
})
