import { describe, expect, test } from 'vitest'
import { planChanges, steadyNodes, wordsOf } from '../../src/harness/check-membership.ts'

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5']

describe('the plan of changes of the members', () => {
  const plan = planChanges(NODES, ['n6', 'n7'], 100_000)

  test('has a join, a leave and a replacement, in this order, all within the run', () => {
    expect(plan.map(wordsOf)).toEqual(['join n6', 'leave n2', 'replace n3 by n7'])
    const starts = plan.map(({ atMs }) => atMs)
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
    expect(starts.every((atMs) => atMs > 0 && atMs < 100_000)).toBe(true)
  })

  test('leaves other faults to those that stay', () => {
    expect(steadyNodes(NODES, plan)).toEqual(['n1', 'n4', 'n5'])
    expect(steadyNodes(NODES, [])).toEqual(NODES)
  })

  test('is empty where too few members would be left', () => {
    expect(planChanges(NODES.slice(0, 3), ['n4', 'n5'], 100_000)).toEqual([])
  })
})
