/** The command line of `npm run bench`. Pure. */
import { command } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'

export const EXIT_STOPPED = 130

export interface BenchArguments {
  readonly seconds: number
  readonly rounds: number
  /** The longest warm-up of each workload before the first round. */
  readonly warmUpSeconds: number
  readonly connections: number
  readonly valueBytes: number
  /** Names of workloads; empty for all. */
  readonly only: readonly string[]
  readonly withEtcd: boolean
  /** The directory into which nodes write a CPU profile when they stop. */
  readonly profileDir: string | undefined
  /** Whether to print only the result, in the form of the README. */
  readonly isMarkdown: boolean
}

const WARM_UP_SECONDS_MAX = 24
const STEP_SECONDS_MAX = 600

export const BENCH_COMMAND = command({
  name: 'bench',
  call: 'npm run bench --',
  about:
    'Measures this store, a three-node etcd if it is installed, and one node without replication, under the same ' +
    'load in one run.',
  options: {
    seconds: {
      kind: 'duration',
      isInSeconds: true,
      max: STEP_SECONDS_MAX * 1000,
      default: 4000,
      about: 'The length of one round.',
    },
    rounds: {
      kind: 'number',
      min: 1,
      max: 100,
      default: 3,
      about: 'How many rounds each workload has. Their medians are reported.',
    },
    'warm-up': {
      kind: 'duration',
      isInSeconds: true,
      max: STEP_SECONDS_MAX * 1000,
      default: WARM_UP_SECONDS_MAX * 1000,
      about:
        'The longest warm-up of each workload. It ends earlier if the workload gets no faster.',
    },
    connections: {
      kind: 'number',
      min: 1,
      max: 10_000,
      default: 64,
      about: 'How many connections are kept alive, spread over the nodes.',
    },
    'value-bytes': {
      kind: 'number',
      min: 1,
      max: 1_048_576,
      default: 1024,
      about: 'The size of each value.',
    },
    only: {
      kind: 'list',
      placeholder: 'NAME,NAME',
      default: [],
      otherwise: 'all workloads',
      about: "Measure only these workloads: --only 'put quorum,etcd put'.",
    },
    'no-etcd': { kind: 'flag', about: 'Leave out etcd, even if it is installed.' },
    'cpu-prof': {
      kind: 'text',
      placeholder: 'DIR',
      about:
        'Write CPU profiles of the nodes to this directory, and print the most expensive functions.',
    },
    markdown: { kind: 'flag', about: 'Print only the tables.' },
  },
  examples: ["npm run bench -- --only 'put quorum,single put' --rounds 5"],
  exitCodes: [
    [0, 'done'],
    [1, 'failed'],
    [EXIT_STOPPED, 'stopped by a signal'],
  ],
})

/** Undefined if help is asked for. Throws UsageError. */
export function parseBenchArguments(argv: readonly string[]): BenchArguments | undefined {
  const parsed = parseCommand(BENCH_COMMAND, argv)
  if (parsed === undefined) return undefined
  const { values } = parsed
  return {
    seconds: values.seconds / 1000,
    rounds: values.rounds,
    warmUpSeconds: values['warm-up'] / 1000,
    connections: values.connections,
    valueBytes: values['value-bytes'],
    only: values.only,
    withEtcd: !values['no-etcd'],
    profileDir: values['cpu-prof'],
    isMarkdown: values.markdown,
  }
}
