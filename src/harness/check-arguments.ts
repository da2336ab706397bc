/** The command line of `npm run check`. All arguments are checked before anything runs. */
import { MODELS, modelNamed } from '../checker/models/models.ts'
import type { Json } from '../checker/history/history.ts'
import type { CheckBounds, Model } from '../checker/verdict/verdict.ts'
import { command, type ValuesOf } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'
import { newSeed } from '../command-line/seed.ts'
import { TOKEN_OPTION } from '../command-line/token.ts'
import { UsageError } from '../command-line/usage-error.ts'
import { DEFAULT_DATA_DIR } from '../local-cluster/cluster-arguments.ts'
import { FAULTS, type Fault, FILE_FAULTS, MEMBERSHIP } from './check-nemesis.ts'
import { HISTORY_EVENTS_MAX } from './recorder.ts'
import type { Workload } from './workloads/workload.ts'
import { WORKLOADS, workloadNamed } from './workloads/check-workloads.ts'

export type CheckArguments = RunArguments | HistoryArguments | LevelsArguments

export const EXIT_CRASH = 255

export interface RunArguments {
  readonly command: 'run'
  readonly workload: Workload
  readonly bucket: string
  readonly consistency: string
  /** Empty without faults. */
  readonly faults: readonly Fault[]
  /** Whether nodes join, leave and are replaced during the run. */
  readonly changesMembers: boolean
  readonly timeLimitMs: number
  /** Turns a second, summed over all clients. */
  readonly rate: number
  readonly clients: number
  readonly keys: number
  readonly seed: string
  readonly target: 'auto' | 'docker' | 'local' | readonly string[]
  /** The data directory of the local cluster. */
  readonly dataDir: string
  /** The file of the token for the nodes; undefined for that of the environment. */
  readonly tokenFile: string | undefined
  readonly resultsDir: string
}

export interface HistoryArguments {
  readonly command: 'history'
  readonly file: string
  readonly model: Model
  readonly bounds: CheckBounds
}

export interface LevelsArguments {
  readonly command: 'levels'
  readonly file: string
  readonly bounds: CheckBounds
}

const CONSISTENCIES = ['weak', 'eventual', 'causal', 'quorum', 'all', 'strong']
const MIX = 'mix'
const NEMESES = [MIX, ...FAULTS, ...FILE_FAULTS, MEMBERSHIP] as const
/** A turn records up to two operations of two events each. */
const EVENTS_PER_TURN_MAX = 4
/** The option that says how to run a workload does not go with a recorded history. */
const WITHOUT_HISTORY = { without: ['history'] } as const

export const CHECK_COMMAND = command({
  name: 'check',
  call: 'npm run check --',
  about:
    'Runs a workload on a real cluster under faults, and judges the recorded history. With --history it judges a ' +
    'history that was recorded before: history.jsonl, or the EDN of Jepsen.',
  options: {
    workload: {
      kind: 'choice',
      names: WORKLOADS.map(({ name }) => name),
      ...WITHOUT_HISTORY,
      about: 'What the clients do, and which promise is checked. Required without --history.',
    },
    bucket: {
      kind: 'text',
      placeholder: 'NAME',
      ...WITHOUT_HISTORY,
      otherwise: 'counters for counter, which creates it; strong for register; else default',
      about: 'The bucket that clients use.',
    },
    consistency: {
      kind: 'choice',
      names: CONSISTENCIES,
      ...WITHOUT_HISTORY,
      otherwise:
        'causal for causal and session; strong for register in the bucket strong; else quorum',
      about: 'The consistency level of each request.',
    },
    nemesis: {
      kind: 'names',
      names: NEMESES,
      allowsNone: true,
      default: [],
      ...WITHOUT_HISTORY,
      otherwise: 'none',
      about:
        `Which faults to inject. mix stands for the faults from ${FAULTS[0]} to ${FAULTS.at(-1)}. The others must be named: ` +
        `${FILE_FAULTS.join(' and ')} damage a file of a killed node, and with membership nodes join, leave and are ` +
        'replaced.',
    },
    'time-limit': {
      kind: 'duration',
      max: 86_400_000,
      default: 30_000,
      ...WITHOUT_HISTORY,
      about:
        'How long the clients run. A fault that is active at the end still lasts to its own end.',
    },
    rate: {
      kind: 'number',
      min: 1,
      max: 10_000,
      default: 200,
      ...WITHOUT_HISTORY,
      about: 'Turns per second of all clients together. A turn is one or two operations.',
    },
    clients: {
      kind: 'number',
      min: 1,
      max: 200,
      default: 10,
      ...WITHOUT_HISTORY,
      about: 'How many clients there are.',
    },
    keys: {
      kind: 'number',
      min: 1,
      max: 1000,
      default: 8,
      ...WITHOUT_HISTORY,
      about: 'How many keys the clients use.',
    },
    seed: {
      kind: 'seed',
      ...WITHOUT_HISTORY,
      otherwise: 'a new one, which is printed',
      about: 'Determines the faults and the requests of the clients.',
    },
    target: {
      kind: 'list',
      placeholder: 'URL,URL',
      ...WITHOUT_HISTORY,
      otherwise: 'docker if it runs, else local if it runs, else a new local cluster for this run',
      about:
        'The cluster: docker, local, or the URLs of its nodes, separated by commas. The check cannot inject faults ' +
        'into a cluster that is given by URLs.',
    },
    data: {
      kind: 'text',
      placeholder: 'DIR',
      default: DEFAULT_DATA_DIR,
      ...WITHOUT_HISTORY,
      about: 'The data directory of the local cluster.',
    },
    'token-file': { ...TOKEN_OPTION, ...WITHOUT_HISTORY },
    results: {
      kind: 'text',
      placeholder: 'DIR',
      default: 'results',
      about: 'The directory for the files of the run.',
    },
    history: {
      kind: 'text',
      placeholder: 'FILE',
      about: 'Judge this recorded history, and run nothing. Needs --model or --levels.',
    },
    model: {
      kind: 'choice',
      names: MODELS.map(({ name }) => name),
      needs: 'history',
      without: ['levels'],
      about: 'Which promise to check.',
    },
    levels: {
      kind: 'flag',
      needs: 'history',
      about:
        'Print which levels of consistency the history satisfies, the strongest first, with the operations that prove ' +
        'each breach. The history must hold reads, writes, deletes and compare-and-sets only.',
    },
    initial: {
      kind: 'text',
      placeholder: 'JSON',
      needs: 'history',
      otherwise: 'nothing',
      about: 'The value of each key at the start, as JSON: 0, null or "text".',
    },
    'check-time': {
      kind: 'duration',
      max: 86_400_000,
      needs: 'history',
      otherwise: '1m',
      about: 'How long to search for an order before the verdict is unknown.',
    },
    'check-memory': {
      kind: 'number',
      min: 1,
      max: 100_000,
      needs: 'history',
      otherwise: '1000',
      about: 'How many MB the search may use to remember its states.',
    },
  },
  examples: [
    'npm run check -- --workload register --nemesis partition-halves --time-limit 20s',
    'npm run check -- --history history.jsonl --model register',
    'npm run check -- --history history.jsonl --levels',
  ],
  exitCodes: [
    [0, 'the history is valid, or its levels were printed'],
    [1, 'it is invalid'],
    [2, 'the verdict is unknown'],
    [EXIT_CRASH, 'the check itself failed'],
  ],
  // 2 is a verdict, as it is in the tools of Jepsen.
  usageExitCode: 254,
})

/** Undefined if help is asked for. Throws UsageError. */
export function parseCheckArguments(argv: readonly string[]): CheckArguments | undefined {
  const parsed = parseCommand(CHECK_COMMAND, argv)
  if (parsed === undefined) return undefined
  const { values } = parsed
  return values.history === undefined
    ? runArguments(values)
    : historyArguments(values, values.history)
}

type Values = ValuesOf<typeof CHECK_COMMAND.options>

function runArguments(values: Values): RunArguments {
  const { rate, 'time-limit': timeLimitMs, nemesis } = values
  const events = rate * (timeLimitMs / 1000) * EVENTS_PER_TURN_MAX
  if (events > HISTORY_EVENTS_MAX) {
    throw new UsageError(
      `--rate times --time-limit may record ${events} events; the limit is ${HISTORY_EVENTS_MAX}`,
    )
  }
  const workload = workloadNamed(values.workload ?? '')
  if (workload === undefined) {
    throw new UsageError(`--workload is needed: ${WORKLOADS.map(({ name }) => name).join(', ')}`)
  }
  const bucket = values.bucket ?? workload.bucket
  const isElsewhere = workload.consistency === 'strong' && bucket !== workload.bucket
  const ownLevel = isElsewhere ? 'quorum' : workload.consistency
  const target = targetOf(values.target)
  if (nemesis.length > 0 && typeof target !== 'string') {
    throw new UsageError(
      '--target URL,…: use --nemesis none, because the check cannot inject faults into a cluster that is given by URLs',
    )
  }
  return {
    command: 'run',
    workload,
    bucket,
    consistency: values.consistency ?? ownLevel,
    faults: nemesis.flatMap(faultsOf),
    changesMembers: nemesis.includes(MEMBERSHIP),
    timeLimitMs,
    rate,
    clients: values.clients,
    keys: values.keys,
    seed: values.seed ?? newSeed(),
    target,
    dataDir: values.data,
    tokenFile: values['token-file'],
    resultsDir: values.results,
  }
}

function historyArguments(values: Values, file: string): HistoryArguments | LevelsArguments {
  const { model, initial, 'check-time': timeMs, 'check-memory': megabytes } = values
  const bounds = {
    timeMs,
    memoryBytes: megabytes === undefined ? undefined : megabytes * 1e6,
    initial: initial === undefined ? undefined : jsonOf('--initial', initial),
  }
  if (values.levels) return { command: 'levels', file, bounds }
  if (model === undefined) throw new UsageError('--history needs --model or --levels')
  return { command: 'history', file, model: modelNamed(model) as Model, bounds }
}

function jsonOf(option: string, text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    throw new UsageError(`${option} ${text}: JSON, such as 0, null or "text"`)
  }
}

function faultsOf(name: (typeof NEMESES)[number]): readonly Fault[] {
  if (name === MEMBERSHIP) return []
  return name === MIX ? FAULTS : [name]
}

function targetOf(given: readonly string[] | undefined): RunArguments['target'] {
  if (given === undefined) return 'auto'
  const [only] = given
  if (given.length === 1 && (only === 'docker' || only === 'local')) return only
  const urls = given.map((url) => url.replace(/\/+$/, ''))
  for (const url of urls) {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new UsageError(
        `--target ${given.join(',')}: must be docker, local, or URLs like http://localhost:8001,http://localhost:8002`,
      )
    }
  }
  return urls
}
