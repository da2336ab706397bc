/** The command line of `npm run sim`. All arguments are checked before anything runs. */
import { command } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'
import { newSeed } from '../command-line/seed.ts'
import { UsageError } from '../command-line/usage-error.ts'
import { BESIDE_MIX, FAULT_KINDS, type FaultKind, MEMBERSHIP, UPGRADE } from './plan/sim-fault.ts'
import { type Plan, PLAN_DEFAULTS, WORKLOAD_NAMES } from './plan/plan.ts'
import { PLANTED_BUGS } from './bugs/planted-bugs.ts'
import type { PlantedBug } from './bugs/planted-bug.ts'

export interface SimArguments {
  readonly plan: Plan
  /** The number of runs, with consecutive seeds. */
  readonly seeds: number
  readonly traceFile: string | undefined
  /** The file of a plan with timed actions, which runs instead of a drawn one. */
  readonly planFile: string | undefined
  readonly planted: readonly PlantedBug[]
  /** Whether to search for each planted bug with as many seeds as it states. Otherwise the given seeds run. */
  readonly isSearch: boolean
}

const SEEDS_MAX = 1_000_000
const SECONDS_MAX = 1_000_000
const NEMESES = ['mix', ...FAULT_KINDS, ...BESIDE_MIX] as const
const ALL = 'all'

export const SIM_COMMAND = command({
  name: 'sim',
  call: 'npm run sim --',
  about:
    'Runs a whole cluster in one process on virtual time, under faults, and checks its promises. The same ' +
    'arguments give the same run.',
  options: {
    seed: {
      kind: 'seed',
      otherwise: 'a new one, which is printed; with --seeds, 1',
      about:
        'Determines every random choice of the run. With --seeds it is a number to count from.',
    },
    seeds: {
      kind: 'number',
      min: 1,
      max: SEEDS_MAX,
      default: 1,
      about: 'How many runs, with consecutive seeds, on all cores.',
    },
    nodes: {
      kind: 'number',
      min: 3,
      max: 9,
      otherwise: String(PLAN_DEFAULTS.nodes),
      about: 'How many nodes the cluster has.',
    },
    seconds: {
      kind: 'duration',
      isInSeconds: true,
      max: SECONDS_MAX * 1000,
      otherwise: `${PLAN_DEFAULTS.seconds}s`,
      about: 'The virtual duration of load and faults. Healing and the last checks follow.',
    },
    workload: {
      kind: 'names',
      names: WORKLOAD_NAMES,
      otherwise: 'all of them, without bucket',
      about:
        'What the clients do. bucket deletes buckets, and creates them again with other modes.',
    },
    nemesis: {
      kind: 'names',
      names: NEMESES,
      allowsNone: true,
      otherwise: 'mix',
      about:
        `The faults to inject. mix stands for the faults from ${FAULT_KINDS[0]} to ${FAULT_KINDS.at(-1)}. The others must be named: ` +
        'membership (nodes join, leave, are replaced, or are lost and removed); upgrade (nodes restart with the other ' +
        'version of the protocol); stall (disks do not answer for 10 to 60 s); skew-all (all clocks are wrong ' +
        'together); twin (a second process with the id of a member); swap (nodes come back with the directory of ' +
        'another node, or with an older copy of their own).',
    },
    clients: {
      kind: 'number',
      min: 0,
      max: 100,
      otherwise: String(PLAN_DEFAULTS.clients),
      about: 'How many clients there are.',
    },
    keys: {
      kind: 'number',
      min: 1,
      max: 1000,
      otherwise: String(PLAN_DEFAULTS.keys),
      about: 'How many keys each workload has.',
    },
    watch: {
      kind: 'flag',
      about:
        'Two readers watch each bucket: a slow one, and one that changes its node all the time. At the end they must ' +
        'know every key, or have been told to begin again.',
    },
    faults: {
      kind: 'numbers',
      max: 999_999,
      otherwise: 'all of them',
      about:
        'Inject only these faults of the run. The command that repeats a smaller run names them.',
    },
    trace: {
      kind: 'text',
      placeholder: 'FILE',
      about: 'Write all events to this file, one a line.',
    },
    plan: {
      kind: 'text',
      placeholder: 'FILE',
      without: [
        'seed',
        'seeds',
        'nodes',
        'seconds',
        'workload',
        'nemesis',
        'clients',
        'keys',
        'watch',
        'faults',
        'planted',
      ],
      about:
        'Run the timed requests and faults of this JSON file, print what each client was told, and judge it at every ' +
        'level of consistency. src/simulation/README.md describes the file.',
    },
    planted: {
      kind: 'choice',
      names: [ALL, ...PLANTED_BUGS.map(({ name }) => name)],
      about:
        'Search for a bug that is planted on purpose, with as many seeds as the bug may take. With --seed or ' +
        '--seeds, run these seeds with the bug.',
    },
  },
  examples: [
    'npm run sim -- --seed 42 --seconds 600',
    'npm run sim -- --seeds 500 --nemesis mix,membership',
    'npm run sim -- --plan partition.json',
    'npm run sim -- --planted all',
  ],
  exitCodes: [
    [0, 'no promise was broken, or every planted bug was found'],
    [1, 'a promise was broken, or a planted bug was not found'],
  ],
})

/** Undefined if help is asked for. Throws UsageError. */
export function parseSimArguments(argv: readonly string[]): SimArguments | undefined {
  const parsed = parseCommand(SIM_COMMAND, argv)
  if (parsed === undefined) return undefined
  const { values, given } = parsed
  const planted = plantedOf(values.planted)
  const base = planted.length === 1 ? planDefaultsOf(planted[0] as PlantedBug) : PLAN_DEFAULTS
  const { seeds } = values
  const seed = values.seed ?? (planted.length > 0 || seeds > 1 ? '1' : newSeed())
  if (seeds > 1 && !/^\d{1,9}$/.test(seed)) {
    throw new UsageError(`--seed ${seed}: must be a number to count from, because of --seeds`)
  }
  const isSearch = planted.length > 0 && !given.has('seed') && !given.has('seeds')
  if (planted.length > 1 && !isSearch) {
    throw new UsageError('--planted all: name one bug to run it with --seed or --seeds')
  }
  return {
    seeds,
    traceFile: values.trace,
    planFile: values.plan,
    planted,
    isSearch,
    plan: {
      seed,
      nodes: values.nodes ?? base.nodes,
      seconds: values.seconds === undefined ? base.seconds : values.seconds / 1000,
      workloads: values.workload ?? base.workloads,
      nemesis: values.nemesis === undefined ? base.nemesis : nemesisOf(values.nemesis),
      clients: values.clients ?? base.clients,
      keys: values.keys ?? base.keys,
      watch: values.watch || base.watch,
      onlyFaults: values.faults,
    },
  }
}

/** The plan of one run of a planted bug. */
export function planDefaultsOf(bug: PlantedBug): Omit<Plan, 'seed'> {
  const { seconds, workloads, nemesis } = bug
  const { keys = PLAN_DEFAULTS.keys, clients = PLAN_DEFAULTS.clients, watch } = bug
  return { ...PLAN_DEFAULTS, seconds, workloads, nemesis, keys, clients, watch }
}

/** The command that runs a plan again. */
export function replayCommand(plan: Plan, planted: string | undefined): string {
  const { seed, nodes, seconds, workloads, nemesis, clients, keys, onlyFaults } = plan
  const hasFaults = nemesis.length > 0 && onlyFaults?.length !== 0
  const faults = hasFaults ? nemesisWords(nemesis) : 'none'
  return [
    `npm run sim -- --seed ${seed} --nodes ${nodes} --seconds ${seconds}`,
    `--workload ${workloads.join(',')} --nemesis ${faults} --clients ${clients} --keys ${keys}`,
    ...(plan.watch === true ? ['--watch'] : []),
    ...(hasFaults && onlyFaults !== undefined ? [`--faults ${onlyFaults.join(',')}`] : []),
    ...(planted === undefined ? [] : [`--planted ${planted}`]),
  ].join(' ')
}

function nemesisOf(names: readonly (typeof NEMESES)[number][]): readonly FaultKind[] {
  // Changed members require the newest protocol version, so nodes of the previous version cannot take part.
  if (names.includes(MEMBERSHIP) && names.includes(UPGRADE)) {
    throw new UsageError(`--nemesis: ${MEMBERSHIP} and ${UPGRADE} do not go together`)
  }
  if (!names.includes('mix')) return names as readonly FaultKind[]
  return [...FAULT_KINDS, ...BESIDE_MIX.filter((name) => names.includes(name))]
}

function plantedOf(name: string | undefined): readonly PlantedBug[] {
  return PLANTED_BUGS.filter((bug) => name === ALL || bug.name === name)
}

function nemesisWords(nemesis: readonly FaultKind[]): string {
  const isBeside = (kind: FaultKind): boolean => BESIDE_MIX.some((name) => name === kind)
  const kinds = nemesis.filter((kind) => !isBeside(kind))
  return [...(isMix(kinds) ? ['mix'] : kinds), ...nemesis.filter(isBeside)].join(',')
}

/** Whether the kinds are exactly those of `mix`, in the same order, because the drawn faults depend on the order. */
function isMix(kinds: readonly FaultKind[]): boolean {
  return kinds.length === FAULT_KINDS.length && FAULT_KINDS.every((kind, i) => kind === kinds[i])
}
