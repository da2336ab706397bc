import { describe, expect, it } from 'vitest'
import {
  ballotAbove,
  BALLOT_ZERO,
  compareBallots,
  encodeBallot,
  maxBallot,
  parseBallot,
} from '../../../src/core/consensus/ballot.ts'

describe('ballot', () => {
  const ordered = [
    BALLOT_ZERO,
    { counter: 1, node: 'n1' },
    { counter: 1, node: 'n2' },
    { counter: 2, node: 'n1' },
    { counter: 10, node: 'n1' },
  ]

  it('is ordered by counter, then by node', () => {
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        expect(Math.sign(compareBallots(a, b))).toBe(Math.sign(i - j))
        expect(maxBallot(a, b)).toEqual(ordered[Math.max(i, j)])
      }
    }
  })

  it('has one above any other, for each node', () => {
    for (const seen of ordered) {
      for (const node of ['n1', 'n2']) {
        expect(compareBallots(ballotAbove(seen, node), seen)).toBeGreaterThan(0)
      }
    }
  })

  it('is the same after a journey as plain data', () => {
    for (const ballot of ordered) expect(parseBallot(encodeBallot(ballot))).toEqual(ballot)
  })

  it.each([
    undefined,
    'x',
    [],
    [1],
    [1, 2],
    [-1, 'n1'],
    [1.5, 'n1'],
    [2 ** 53, 'n1'],
    [1, 'n1', 0],
  ])('is not %j', (data) => {
    expect(parseBallot(data)).toBeUndefined()
  })
})
