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
import {
  parseSimArguments,
  planDefaultsOf,
  replayCommand,
  USAGE,
  UsageError,
} from '../../src/simulation/sim-arguments.ts'

const [bug] = PLANTED_BUGS

function parse(line: string): ReturnType<typeof parseSimArguments> {
  return parseSimArguments(line === '' ? [] : line.split(' '))
}

describe('the arguments of sim', () => {
  it('may all be missing: a whole cluster, everything it can be asked, under every fault', () => {
    const { plan, ...others } = parse('')
    const { seed, ...planned } = plan
    expect(planned).toEqual({ ...PLAN_DEFAULTS, onlyFaults: undefined })
    expect(seed).toMatch(/^\d+$/)
    expect(others).toEqual({
      help: false,
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

  it.each(['--help', '-h'])('%s asks for help', (flag) => {
    expect(parse(flag).help).toBe(true)
  })

  it.each([
    ['--sead 1', '--sead'],
    ['7', 'Unexpected argument'],
    ['--seed', '--seed'],
    ['--seed a/b', '--seed a/b: letters, digits'],
    [`--seed ${'9'.repeat(65)}`, 'letters, digits'],
    ['--seed one --seeds 5', '--seed one: with --seeds it is a number to count from'],
    ['--seeds many', '--seeds many: a whole number from 1'],
    ['--seeds 0', '--seeds 0: a whole number from 1'],
    ['--seeds 1000001', 'to 1000000 is expected'],
    ['--nodes 2', '--nodes 2: a whole number from 3 to 9 is expected'],
    ['--nodes 10', '--nodes 10: a whole number from 3 to 9 is expected'],
    ['--nodes 1e1', '--nodes 1e1'],
    ['--nodes 3.5', '--nodes 3.5'],
    ['--seconds 0', '--seconds 0'],
    ['--seconds=-5', '--seconds -5'],
    ['--clients 101', '--clients 101: a whole number from 0 to 100 is expected'],
    ['--keys 0', '--keys 0: a whole number from 1 to 1000 is expected'],
    ['--keys 0x10', '--keys 0x10'],
    ['--workload register', `--workload register: there is ${WORKLOAD_NAMES.join(', ')}`],
    ['--workload lww,', '--workload : there is'],
    ['--nemesis earthquake', '--nemesis earthquake: there is'],
    ['--nemesis mix,earthquake', '--nemesis earthquake: there is'],
    ['--nemesis none,kill', '--nemesis none: there is'],
    ['--nemesis membership,upgrade', 'membership and upgrade do not go together'],
    ['--faults 1,x', '--faults x: a number is expected'],
    ['--faults 1;2', '--faults 1;2: a number is expected'],
    ['--planted nothing', '--planted nothing: there is all, '],
    ['--planted all --seed 1', '--planted all: with --seed or --seeds, name one bug'],
    ['--planted all --seeds 4', '--planted all: with --seed or --seeds, name one bug'],
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
      expect(USAGE).toContain(name)
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
