/** Parses the command line of `sim`. It checks all arguments before anything runs; an error lists what is allowed. */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { BESIDE_MIX, FAULT_KINDS, type FaultKind, MEMBERSHIP, UPGRADE } from './plan/sim-fault.ts'
import { type Plan, PLAN_DEFAULTS, WORKLOAD_NAMES } from './plan/plan.ts'
import { PLANTED_BUGS, plantedBug } from './bugs/planted-bugs.ts'
import type { PlantedBug } from './bugs/planted-bug.ts'

export interface SimArguments {
  readonly help: boolean
  readonly plan: Plan
  /** The number of runs, with consecutive seeds. */
  readonly seeds: number
  readonly traceFile: string | undefined
  readonly planted: readonly PlantedBug[]
  /** Whether to search for each planted bug with as many seeds as it states. Otherwise the given seeds run. */
  readonly isSearch: boolean
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm run sim -- [options]          run a whole cluster on virtual time, under faults, and judge it

  --seed S            determines the run; default: a new one, printed. With --seeds it must be a number
  --seeds N           so many runs, with consecutive seeds, on all cores
  --nodes N           3 to 9; default: ${PLAN_DEFAULTS.nodes}
  --seconds N         duration of load and faults; healing and final checks follow. Default: ${PLAN_DEFAULTS.seconds}
  --workload W[,W]    ${WORKLOAD_NAMES.join(', ')}; default: all
  --nemesis F[,F]     none, mix (the default: all that follow), ${FAULT_KINDS.join(', ')};
                      and membership: nodes that join, leave, are replaced, or are lost and removed;
                      or upgrade: nodes that restart with the other version of the protocol;
                      and stall: disks that do not answer for 10 to 60 s, and then continue;
                      or skew-all: all clocks are wrong together, and then right;
                      or twin: a second living process with the id of a member, at another address;
                      or swap: nodes that come back with each other's directory, or an older copy of their own
  --clients N         default: ${PLAN_DEFAULTS.clients}
  --keys N            keys of each workload; default: ${PLAN_DEFAULTS.keys}
  --faults N[,N]      only these of the run's faults, by number, as a smaller run names them
  --trace FILE        writes all events, one a line
  --planted B         searches for a bug that is planted on purpose, with as many seeds as it may take;
                      with --seed or --seeds, runs these seeds with the bug. all, or one of: ${PLANTED_BUGS.map(({ name }) => name).join(', ')}

exit code: 0 nothing found (or every planted bug), 1 an invariant was broken (or a planted bug not found), 2 bad arguments`

const SEEDS_MAX = 1_000_000

/** Throws `UsageError`. */
export function parseSimArguments(argv: readonly string[]): SimArguments {
  const values = parse(argv)
  const planted = plantedOf(values['planted'])
  const base = planted.length === 1 ? planDefaultsOf(planted[0] as PlantedBug) : PLAN_DEFAULTS
  const seeds = numberOf('seeds', values['seeds'], 1, 1, SEEDS_MAX)
  const seed = values['seed'] ?? (planted.length > 0 || seeds > 1 ? '1' : newSeed())
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(seed)) {
    throw new UsageError(`--seed ${seed}: letters, digits, dot, dash and underscore only`)
  }
  if (seeds > 1 && !/^\d{1,9}$/.test(seed)) {
    throw new UsageError(`--seed ${seed}: with --seeds it is a number to count from`)
  }
  const isSearch =
    planted.length > 0 && values['seed'] === undefined && values['seeds'] === undefined
  if (planted.length > 1 && !isSearch) {
    throw new UsageError('--planted all: with --seed or --seeds, name one bug')
  }
  const onlyFaults = values['faults']?.split(',').map((text) => {
    if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--faults ${text}: a number is expected`)
    return Number(text)
  })
  return {
    help: values['help'] !== undefined,
    seeds,
    traceFile: values['trace'],
    planted,
    isSearch,
    plan: {
      seed,
      nodes: numberOf('nodes', values['nodes'], base.nodes, 3, 9),
      seconds: numberOf('seconds', values['seconds'], base.seconds, 1, 1_000_000),
      workloads: namesOf('workload', values['workload'], WORKLOAD_NAMES, base.workloads),
      nemesis: nemesisOf(values['nemesis'], base.nemesis),
      clients: numberOf('clients', values['clients'], base.clients, 0, 100),
      keys: numberOf('keys', values['keys'], base.keys, 1, 1000),
      onlyFaults,
    },
  }
}

/** The plan of one run of a planted bug. */
export function planDefaultsOf(bug: PlantedBug): Omit<Plan, 'seed'> {
  const { seconds, workloads, nemesis } = bug
  const { keys = PLAN_DEFAULTS.keys, clients = PLAN_DEFAULTS.clients } = bug
  return { ...PLAN_DEFAULTS, seconds, workloads, nemesis, keys, clients }
}

/** The command that runs a plan again. */
export function replayCommand(plan: Plan, planted: string | undefined): string {
  const { seed, nodes, seconds, workloads, nemesis, clients, keys, onlyFaults } = plan
  const hasFaults = nemesis.length > 0 && onlyFaults?.length !== 0
  const faults = hasFaults ? nemesisWords(nemesis) : 'none'
  return [
    `npm run sim -- --seed ${seed} --nodes ${nodes} --seconds ${seconds}`,
    `--workload ${workloads.join(',')} --nemesis ${faults} --clients ${clients} --keys ${keys}`,
    ...(hasFaults && onlyFaults !== undefined ? [`--faults ${onlyFaults.join(',')}`] : []),
    ...(planted === undefined ? [] : [`--planted ${planted}`]),
  ].join(' ')
}

function parse(argv: readonly string[]): Record<string, string | undefined> {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean', short: 'h' },
        seed: text,
        seeds: text,
        nodes: text,
        seconds: text,
        workload: text,
        nemesis: text,
        clients: text,
        keys: text,
        faults: text,
        trace: text,
        planted: text,
      },
    })
    const { help, ...texts } = values
    return { ...texts, ...(help === true ? { help: 'yes' } : {}) }
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function numberOf(
  name: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} ${text}: a whole number from ${least} to ${most} is expected`)
  }
  return value
}

function namesOf<T extends string>(
  option: string,
  text: string | undefined,
  names: readonly T[],
  otherwise: readonly T[],
): readonly T[] {
  if (text === undefined) return otherwise
  return text.split(',').map((name) => {
    const known = names.find((candidate) => candidate === name)
    if (known === undefined) {
      throw new UsageError(`--${option} ${name}: there is ${names.join(', ')}`)
    }
    return known
  })
}

function nemesisOf(
  text: string | undefined,
  otherwise: readonly FaultKind[],
): readonly FaultKind[] {
  if (text === 'none') return []
  const known = ['mix', ...FAULT_KINDS, ...BESIDE_MIX] as const
  const names = namesOf<FaultKind | 'mix'>('nemesis', text, known, otherwise)
  // Changed members require the newest protocol version, so nodes of the previous version cannot take part.
  if (names.includes(MEMBERSHIP) && names.includes(UPGRADE)) {
    throw new UsageError(`--nemesis ${text}: ${MEMBERSHIP} and ${UPGRADE} do not go together`)
  }
  if (!names.includes('mix')) return names as readonly FaultKind[]
  return [...FAULT_KINDS, ...BESIDE_MIX.filter((name) => names.includes(name))]
}

function plantedOf(text: string | undefined): readonly PlantedBug[] {
  if (text === undefined) return []
  if (text === 'all') return PLANTED_BUGS
  const bug = plantedBug(text)
  if (bug !== undefined) return [bug]
  const names = PLANTED_BUGS.map(({ name }) => name).join(', ')
  throw new UsageError(`--planted ${text}: there is all, ${names}`)
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

function newSeed(): string {
  return String(randomBytes(4).readUInt32LE())
}
