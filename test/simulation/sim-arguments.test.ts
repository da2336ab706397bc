import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { FAULT_KINDS } from '../../src/simulation/plan/sim-fault.ts'
import {
  faultsOf,
  type Plan,
  PLAN_DEFAULTS,
  WORKLOAD_NAMES,
} from '../../src/simulation/plan/plan.ts'
import { PLANTED_BUGS } from '../../src/simulation/bugs/planted-bugs.ts'
import { helpText } from '../../src/command-line/help.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'
import {
  parseSimArguments,
  planDefaultsOf,
  replayCommand,
  SIM_COMMAND,
  type SimArguments,
} from '../../src/simulation/sim-arguments.ts'

const [bug] = PLANTED_BUGS

function parse(line: string): SimArguments {
  return parseSimArguments(line === '' ? [] : line.split(' '))!
}

describe('the arguments of sim', () => {
  it('may all be missing: a whole cluster, everything it can be asked, under every fault', () => {
    const { plan, ...others } = parse('')
    const { seed, ...planned } = plan
    expect(planned).toEqual({ ...PLAN_DEFAULTS, onlyFaults: undefined })
    expect(seed).toMatch(/^\d+$/)
    expect(others).toEqual({
      seeds: 1,
      traceFile: undefined,
      planted: [],
      isSearch: false,
    })
  })

  it('take a new seed each time where none is given', () => {
    const seeds = new Set(Array.from({ length: 20 }, () => parse('').plan.seed))
    expect(seeds.size).toBeGreaterThan(10)
  })

  it('say what is run', () => {
    const line =
      '--seed a.b-c_1 --nodes 3 --seconds 10 --workload lww,set --nemesis kill,rot ' +
      '--clients 0 --keys 1 --faults 2,7 --trace out.txt'
    const { plan, traceFile } = parse(line)
    expect(plan).toEqual({
      seed: 'a.b-c_1',
      nodes: 3,
      seconds: 10,
      workloads: ['lww', 'set'],
      nemesis: ['kill', 'rot'],
      clients: 0,
      keys: 1,
      onlyFaults: [2, 7],
    })
    expect(traceFile).toBe('out.txt')
  })

  it.each([
    ['mix', FAULT_KINDS],
    ['kill,mix', FAULT_KINDS],
    ['none', []],
    ['mix,upgrade', [...FAULT_KINDS, 'upgrade']],
  ])('--nemesis %s', (text, kinds) => {
    expect(parse(`--nemesis ${text}`).plan.nemesis).toEqual(kinds)
  })

  it('count seeds from 1, or from the one that is given', () => {
    expect(parse('--seeds 10')).toMatchObject({ seeds: 10, plan: { seed: '1' } })
    expect(parse('--seeds 10 --seed 500')).toMatchObject({ seeds: 10, plan: { seed: '500' } })
  })

  it('look for a planted bug in the world that shows it', () => {
    expect(parse(`--planted ${bug!.name}`)).toMatchObject({ planted: [bug], isSearch: true })
    expect(parse('--planted all')).toMatchObject({ planted: PLANTED_BUGS, isSearch: true })
    const named = parse(`--planted ${bug!.name} --seed 7 --seconds 5`)
    expect(named).toMatchObject({ planted: [bug], isSearch: false })
    expect(named.plan).toEqual({
      ...planDefaultsOf(bug!),
      seed: '7',
      seconds: 5,
      onlyFaults: undefined,
    })
    expect(parse(`--planted ${bug!.name} --seeds 3`)).toMatchObject({ isSearch: false, seeds: 3 })
  })

  it.each([
    ['7', 'unexpected argument 7'],
    ['--seed a/b', '--seed a/b: must be 1 to 64 letters, digits'],
    ['--seed one --seeds 5', '--seed one: must be a number to count from'],
    ['--seeds 0', '--seeds 0: must be a whole number from 1 to 1000000'],
    ['--nodes 10', '--nodes 10: must be a whole number from 3 to 9'],
    ['--seconds 1500ms', '--seconds 1500ms: must be whole seconds'],
    ['--workload register', `--workload register: must be some of ${WORKLOAD_NAMES.join(', ')}`],
    ['--workload lww,', '--workload : must be some of'],
    ['--nemesis mix,earthquake', '--nemesis earthquake: must be none alone, or some of mix'],
    ['--nemesis none,kill', '--nemesis none: must be none alone'],
    ['--nemesis membership,upgrade', 'membership and upgrade do not go together'],
    ['--faults 1,x', '--faults 1,x: must be whole numbers'],
    ['--planted nothing', '--planted nothing: must be one of all, '],
    ['--planted all --seed 1', '--planted all: name one bug'],
    ['--planted all --seeds 4', '--planted all: name one bug'],
  ])('%s is refused', (line, told) => {
    expect(() => parse(line)).toThrow(UsageError)
    expect(() => parse(line)).toThrow(told)
  })

  it.each([
    ['--workload register', WORKLOAD_NAMES],
    ['--nemesis earthquake', FAULT_KINDS],
    ['--planted nothing', PLANTED_BUGS.map(({ name }) => name)],
  ] as const)('%s is told what there is, and so is who asks for help', (line, names) => {
    for (const name of names) {
      expect(() => parse(line)).toThrow(name)
      expect(helpText(SIM_COMMAND)).toContain(name)
    }
  })
})

describe('the command that runs a plan again', () => {
  function replayed(plan: Plan, planted?: string): Plan {
    const [, args = ''] = replayCommand(plan, planted).split('npm run sim -- ')
    return parse(args).plan
  }

  it('gives the same plan, whatever it is', () => {
    const random = new SeededRandom('plans')
    for (let i = 0; i < 300; i++) {
      const plan: Plan = {
        seed: String(random.below(1e9)),
        nodes: 3 + random.below(7),
        seconds: 1 + random.below(300),
        workloads: random.shuffled(WORKLOAD_NAMES).slice(random.below(4)),
        nemesis: random.chance(20)
          ? FAULT_KINDS
          : random.shuffled(FAULT_KINDS).slice(random.below(FAULT_KINDS.length)),
        clients: random.below(20),
        keys: 1 + random.below(50),
        onlyFaults: random.chance(50) ? undefined : [random.below(9), 10 + random.below(9)],
      }
      expect(replayed(plan)).toEqual(plan)
      expect(replayed(plan, bug!.name)).toEqual(plan)
    }
  })

  it.each([
    ['a plan without a nemesis', { nemesis: [] }],
    ['a plan that was left no fault', { onlyFaults: [] }],
    ['a plan without a nemesis that was left no fault', { nemesis: [], onlyFaults: [] }],
  ])('gives %s no fault', (_what, part: Partial<Plan>) => {
    const plan: Plan = { ...PLAN_DEFAULTS, seed: '1', ...part }
    expect(faultsOf(plan)).toEqual([])
    expect(faultsOf(replayed(plan))).toEqual([])
  })

  it('names the bug that was planted', () => {
    const plan: Plan = { ...planDefaultsOf(bug!), seed: '1' }
    expect(replayCommand(plan, bug!.name)).toMatch(new RegExp(` --planted ${bug!.name}$`))
    expect(replayCommand(plan, undefined)).not.toContain('--planted')
  })
})
