/** The command line of `npm run bench`. Pure. */
import { command } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'
import { LOAD_OPTIONS, type LoadArguments, loadArguments } from './load-options.ts'
import { OTHER_SYSTEMS, type OtherSystem } from './systems/other-systems.ts'

export const EXIT_STOPPED = 130

export interface BenchArguments extends LoadArguments {
  readonly valueBytes: number
  /** Names of workloads; empty for all. */
  readonly only: readonly string[]
  /** Other stores that are left out, even if they are installed. */
  readonly without: readonly OtherSystem[]
  /** Whether to measure what TLS and tokens cost, and nothing else. */
  readonly isSecured: boolean
  /** The directory into which nodes write a CPU profile when they stop. */
  readonly profileDir: string | undefined
  /** Whether to print only the result, in the form of the README. */
  readonly isMarkdown: boolean
}

export const BENCH_COMMAND = command({
  name: 'bench',
  call: 'npm run bench --',
  about:
    'Measures this store, one node without replication, and the other stores that are installed, under the same load ' +
    'in one run.',
  options: {
    ...LOAD_OPTIONS,
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
    without: {
      kind: 'names',
      names: OTHER_SYSTEMS,
      default: [],
      otherwise: 'all that are installed',
      about: 'Leave out these other stores.',
    },
    secured: {
      kind: 'flag',
      without: ['cpu-prof'],
      about:
        'Measure only this store: plain, with TLS, and with TLS and tokens. Needs the program openssl.',
    },
    'cpu-prof': {
      kind: 'text',
      placeholder: 'DIR',
      about:
        'Write CPU profiles of the nodes to this directory, and print the most expensive functions.',
    },
    markdown: { kind: 'flag', about: 'Print only the tables.' },
  },
  examples: [
    "npm run bench -- --only 'put quorum,single put' --rounds 5",
    'npm run bench -- --without nats,redis',
    'npm run bench -- --secured',
  ],
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
    ...loadArguments(values),
    valueBytes: values['value-bytes'],
    only: values.only,
    without: values.without,
    isSecured: values.secured,
    profileDir: values['cpu-prof'],
    isMarkdown: values.markdown,
  }
}
