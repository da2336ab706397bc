import { describe, expect, it } from 'vitest'
import { faultsOf, type Plan, PLAN_DEFAULTS } from '../../src/simulation/plan.ts'
import { parseSimArguments, replayCommand, UsageError } from '../../src/simulation/sim-arguments.ts'
import { simCommand } from '../../src/simulation/sim-command.ts'

const BAD: [string, RegExp][] = [
  ['--sede 1', /sede/],
  ['--seconds', /seconds/],
  ['--seconds abc', /--seconds abc: a whole number/],
  ['--seconds 0', /--seconds 0/],
  ['--nodes 2', /from 3 to 9/],
  ['--nodes 10', /from 3 to 9/],
  ['--seeds 0', /--seeds 0/],
  ['--seed ../up', /letters, digits/],
  ['--seed abc --seeds 5', /a number to count from/],
  ['--nemesis flood', /flood: there is .*partition/],
  ['--workload queue', /queue: there is siblings/],
  ['--planted nothing', /nothing: there is all, acknowledge-before-fsync/],
  ['--faults x', /--faults x/],
  ['--keys 0', /--keys 0/],
]

describe('the command line of the simulator', () => {
  it.each(BAD)('%s is refused in one sentence', async (line, sentence) => {
    expect(() => parseSimArguments(line.split(' '))).toThrow(UsageError)
    const complaints: string[] = []
    const output = {
      print: () => undefined,
      complain: (text: string) => void complaints.push(text),
    }
    expect(await simCommand(line.split(' '), output)).toBe(2)
    expect(complaints).toEqual([expect.stringMatching(sentence)])
  })

  it('has the same plan again from the command that replays it', () => {
    const plans: Partial<Plan>[] = [
      {},
      { seconds: 7, clients: 2, keys: 3, nodes: 3 },
      { workloads: ['set', 'ttl'], nemesis: ['kill', 'rot'], onlyFaults: [0, 4] },
      { nemesis: [] },
    ]
    for (const given of plans) {
      const plan = { ...PLAN_DEFAULTS, onlyFaults: undefined, ...given, seed: 'x1' }
      const words = replayCommand(plan, undefined).split(' ').slice(4)
      expect(parseSimArguments(words).plan).toEqual(plan)
    }
  })

  it('names no fault where every one was left out', () => {
    const plan = { ...PLAN_DEFAULTS, seed: '1', onlyFaults: [] }
    expect(replayCommand(plan, undefined)).toContain('--nemesis none')
  })
})

describe('a plan', () => {
  it('has the same faults from the same seed, and each whatever becomes of the others', () => {
    const plan = { ...PLAN_DEFAULTS, seed: 'faults' }
    const all = faultsOf(plan)
    expect(all.length).toBeGreaterThan(10)
    expect(faultsOf(plan)).toEqual(all)
    expect(faultsOf({ ...plan, onlyFaults: [3, 7] })).toEqual([all[3], all[7]])
    expect(faultsOf({ ...plan, seconds: 60 })).toEqual(
      all.slice(0, faultsOf({ ...plan, seconds: 60 }).length),
    )
    expect(faultsOf({ ...plan, seed: 'others' })).not.toEqual(all)
  })
})
