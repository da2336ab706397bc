import { describe, expect, it } from 'vitest'
import { FAULT_KINDS } from '../../../src/simulation/plan/sim-fault.ts'
import { faultsOf, nodeIds, type Plan, PLAN_DEFAULTS } from '../../../src/simulation/plan/plan.ts'

const plan: Plan = { ...PLAN_DEFAULTS, seed: 'a plan', seconds: 200 }

describe('the faults of a plan', () => {
  it('follow from the seed', () => {
    expect(faultsOf({ ...plan })).toEqual(faultsOf(plan))
    expect(faultsOf({ ...plan, seed: 'another' })).not.toEqual(faultsOf(plan))
  })

  it('do not change if one of them is left out', () => {
    const all = faultsOf(plan)
    expect(all.length).toBeGreaterThan(20)
    for (const { number } of all) {
      const others = all.filter((fault) => fault.number !== number)
      const onlyFaults = others.map((fault) => fault.number)
      expect(faultsOf({ ...plan, onlyFaults })).toEqual(others)
    }
    expect(faultsOf({ ...plan, onlyFaults: [] })).toEqual([])
  })

  it('do not change in a shorter run, which only lacks the last ones', () => {
    const all = faultsOf(plan)
    const fewer = faultsOf({ ...plan, seconds: 100 })
    expect(fewer).toEqual(all.slice(0, fewer.length))
    expect(fewer.length).toBeLessThan(all.length)
    expect(fewer.length).toBeGreaterThan(0)
  })

  it('do not depend on clients, keys and workloads', () => {
    const smaller: Plan = { ...plan, clients: 1, keys: 1, workloads: ['lww'] }
    expect(faultsOf(smaller)).toEqual(faultsOf(plan))
  })

  it('have the requested kinds, and hit existing nodes', () => {
    const faults = faultsOf({ ...plan, nodes: 3, nemesis: ['kill', 'rot'] })
    expect(new Set(faults.map(({ fault }) => fault.kind))).toEqual(new Set(['kill', 'rot']))
    for (const { fault } of faults) expect(fault.nodes.toSorted()).toEqual(nodeIds(3))
  })

  it('begin once the cluster has formed, one after the other, and each ends', () => {
    const faults = faultsOf(plan)
    for (const { number, fault } of faults) {
      expect(fault.startMs).toBeGreaterThanOrEqual(3000)
      expect(fault.endMs).toBeGreaterThan(fault.startMs)
      expect(fault.startMs).toBeGreaterThan(faults[number - 1]?.fault.startMs ?? 0)
    }
  })

  it('set all clocks wrong only if there is time for all of them', () => {
    const skewed: Plan = { ...plan, nemesis: ['skew-all'] }
    const faults = faultsOf(skewed)
    expect(faults.length).toBeGreaterThan(5)
    for (const { number, fault } of faults) {
      const lastMs = fault.startMs + 4 * fault.strength * 4
      expect(fault.endMs).toBeGreaterThanOrEqual(lastMs + 2000)
      const seconds = Math.ceil(lastMs / 1000)
      const inTime = faultsOf({ ...skewed, seconds }).map((other) => other.number)
      expect(inTime).not.toContain(number)
    }
  })

  it('are none without a nemesis', () => {
    expect(faultsOf({ ...plan, nemesis: [] })).toEqual([])
  })

  it('cover every kind', () => {
    const drawn = faultsOf({ ...plan, seconds: 10_000 }).map(({ fault }) => fault.kind)
    expect(new Set(drawn)).toEqual(new Set(FAULT_KINDS))
  })
})
