import { describe, expect, it } from 'vitest'
import { faultsOf, type Plan, PLAN_DEFAULTS } from '../../src/simulation/plan/plan.ts'
import type { WorkerAnswer } from '../../src/simulation/run-worker.ts'
import { shrink } from '../../src/simulation/shrink.ts'

const plan: Plan = { ...PLAN_DEFAULTS, seed: 'to be made smaller', clients: 6, keys: 20 }

/** Answers as a run would, of which nothing is known but what it breaks. */
function answer(planned: Plan, invariant: string | undefined): WorkerAnswer {
  return {
    plan: planned,
    violation: invariant && { invariant, message: `${invariant} is broken`, key: undefined },
    hash: '',
    simulatedMs: 0,
    realMs: 0,
    events: 0,
    messages: 0,
    faults: 0,
    calls: 0,
    story: [],
  } as WorkerAnswer
}

/** What the smallest failing plan has to have, and the runs that were tried to find it. */
function world(breaks: (plan: Plan) => string | undefined): {
  found: (failed: Plan) => Promise<Plan>
  tried: Plan[]
} {
  const tried: Plan[] = []
  const run = async (planned: Plan): Promise<WorkerAnswer> => {
    tried.push(planned)
    return answer(planned, breaks(planned))
  }
  const found = async (failed: Plan): Promise<Plan> =>
    (await shrink(answer(failed, breaks(failed)), run)).plan
  return { found, tried }
}

function has(planned: Plan, ...numbers: number[]): boolean {
  const there = faultsOf(planned).map(({ number }) => number)
  return numbers.every((number) => there.includes(number))
}

describe('making a run smaller', () => {
  it('leaves what the violation needs, and nothing else', async () => {
    const { found } = world((p) =>
      has(p, 2, 7) && p.workloads.includes('lww') && p.clients >= 2 && p.keys >= 3
        ? 'quorum-read'
        : undefined,
    )
    const { seconds, ...smallest } = await found(plan)
    expect(smallest).toEqual({
      seed: plan.seed,
      nodes: plan.nodes,
      nemesis: plan.nemesis,
      workloads: ['lww'],
      onlyFaults: [2, 7],
      clients: 2,
      keys: 3,
    })
    // The seventh fault has to be in it: an eighth less is too short.
    const lasts = (s: number): boolean => has({ ...plan, seconds: s }, 7)
    expect([lasts(seconds), lasts(Math.floor(seconds - seconds / 8))]).toEqual([true, false])
  })

  it('takes all faults, clients and keys away where none is needed', async () => {
    const { found } = world((p) => (p.seconds > 60 ? 'lost' : undefined))
    expect(await found(plan)).toMatchObject({
      onlyFaults: [],
      clients: 1,
      keys: 1,
      workloads: ['siblings'],
    })
  })

  it('gives nothing up where all of it is needed', async () => {
    const whole = JSON.stringify(faultsOf(plan))
    const { found } = world((p) =>
      JSON.stringify(faultsOf(p)) === whole &&
      p.seconds === plan.seconds &&
      p.workloads.length === plan.workloads.length &&
      p.clients === plan.clients &&
      p.keys === plan.keys
        ? 'lost'
        : undefined,
    )
    expect(await found(plan)).toEqual(plan)
  })

  it('does not take another violation for the same', async () => {
    const { found } = world((p) => (has(p, 3) ? 'lost' : 'stuck'))
    expect((await found(plan)).onlyFaults).toEqual([3])
  })

  it('never tries a larger run', async () => {
    const { found, tried } = world((p) => (has(p, 1, 4, 9, 14, 18) ? 'lost' : undefined))
    await found(plan)
    expect(tried.length).toBeGreaterThan(10)
    for (const p of tried) {
      expect(p.seconds).toBeLessThanOrEqual(plan.seconds)
      expect(p.clients).toBeLessThanOrEqual(plan.clients)
      expect(p.keys).toBeLessThanOrEqual(plan.keys)
      expect(faultsOf(p).length).toBeLessThanOrEqual(faultsOf(plan).length)
    }
  })

  it('does not go on without end, and then has what it found so far', async () => {
    const needed = Array.from({ length: 60 }, (_, i) => 3 * i)
    const { found, tried } = world((p) => (has(p, ...needed) ? 'lost' : undefined))
    const long = { ...plan, seconds: 3000 }
    const smallest = await found(long)
    expect(tried).toHaveLength(120)
    expect(has(smallest, ...needed)).toBe(true)
    expect(smallest.seconds).toBeLessThan(long.seconds)
  })

  it('leaves a run alone that has found nothing', async () => {
    const { found, tried } = world(() => undefined)
    expect(await found(plan)).toEqual(plan)
    expect(tried).toEqual([])
  })
})
