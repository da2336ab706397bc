import { describe, expect, it } from 'vitest'
import { faultsOf, type Plan, PLAN_DEFAULTS } from '../../src/simulation/plan.ts'
import type { WorkerAnswer } from '../../src/simulation/run-worker.ts'
import { shrink } from '../../src/simulation/shrink.ts'
import { transcript } from '../../src/simulation/transcript.ts'

const QUIET = { hash: '', simulatedMs: 0, realMs: 0, events: 0, messages: 0, calls: 0, story: [] }

/** A run that fails where `isBroken` says so. */
function runOf(isBroken: (plan: Plan) => boolean, runs: Plan[]) {
  return (plan: Plan): Promise<WorkerAnswer> => {
    runs.push(plan)
    const violation = isBroken(plan)
      ? { invariant: 'lost', message: 'gone', key: undefined }
      : undefined
    return Promise.resolve({ ...QUIET, plan, violation, faults: 0 })
  }
}

describe('making a failing run smaller', () => {
  it('leaves what the failure needs: one fault, one client, little time', async () => {
    const runs: Plan[] = []
    const plan: Plan = { ...PLAN_DEFAULTS, seed: 'small' }
    const needed = 5
    const run = runOf(
      (tried) =>
        faultsOf(tried).some(({ number }) => number === needed) &&
        tried.workloads.includes('set') &&
        tried.seconds >= 40,
      runs,
    )
    const smallest = await shrink(await run(plan), run)
    expect(smallest.plan).toMatchObject({
      workloads: ['set'],
      onlyFaults: [needed],
      clients: 1,
      keys: 1,
    })
    expect(smallest.plan.seconds).toBeLessThan(50)
    expect(smallest.violation?.invariant).toBe('lost')
    expect(runs.length).toBeLessThanOrEqual(121)
  })

  it('does not take another failure for the same', async () => {
    const plan: Plan = { ...PLAN_DEFAULTS, seed: 'other' }
    const failed = await runOf(() => true, [])(plan)
    const other = async (tried: Plan): Promise<WorkerAnswer> => ({
      ...failed,
      plan: tried,
      violation: { invariant: 'stuck', message: '', key: undefined },
    })
    expect((await shrink(failed, other)).plan).toEqual(plan)
  })
})

describe('the transcript of a run', () => {
  const line = (atUs: number, node: string | undefined, text: string) => ({ atUs, node, text })

  it('has a column a node, and the lines of the broken key alone', () => {
    const lines = transcript(
      [
        line(1_000_000, 'n2', 'c1 put k-1:4 quorum: ok'),
        line(1_500_000, 'n1', 'c1 put k-11:5 quorum: ok'),
        line(2_000_000, 'n3', '*** kill n3'),
        line(3_000_000, undefined, 'VIOLATION gone'),
      ],
      3,
      'default/k-1',
    )
    expect(lines).toEqual([
      '    seconds  n1 n2 n3 ',
      '     1.0000  .  o  .   c1 put k-1:4 quorum: ok',
      '     2.0000  .  .  o   *** kill n3',
      '     3.0000  o  o  o   VIOLATION gone',
    ])
  })

  it('is bounded, in lines and in width, and says what it leaves out', () => {
    const many = Array.from({ length: 500 }, (_, i) => line(i, 'n1', 'x'.repeat(1000)))
    const lines = transcript(many, 3, undefined)
    expect(lines[0]).toMatch(/^\(\d+ earlier lines of this story are left out\)$/)
    expect(lines.length).toBeLessThan(200)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(200)
  })
})
