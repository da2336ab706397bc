/** Parses the command line of `npm run bench`. Pure. */
import { parseArgs } from 'node:util'

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

export class BenchUsageError extends Error {}

const WARM_UP_SECONDS_MAX = 24

export const BENCH_USAGE = `npm run bench -- [OPTIONS]

  --seconds 4         length of one round
  --rounds 3          rounds of each workload; their medians are reported
  --warm-up ${WARM_UP_SECONDS_MAX}        longest warm-up of each workload in seconds; it ends earlier if the workload gets no faster
  --connections 64    connections that are kept alive, spread over the nodes
  --value-bytes 1024
  --only NAME,NAME    some of the workloads: --only 'put quorum,etcd put'
  --no-etcd           without etcd, even if it is installed
  --cpu-prof DIR      nodes leave CPU profiles in DIR; the most expensive functions are printed
  --markdown          prints only the tables`

/** Throws `BenchUsageError`. Undefined for `--help`. */
export function parseBenchArguments(argv: readonly string[]): BenchArguments | undefined {
  const values = parse(argv)
  if (values.help === true) return undefined
  return {
    seconds: whole('--seconds', values.seconds, 4, 600),
    rounds: whole('--rounds', values.rounds, 3, 100),
    warmUpSeconds: whole('--warm-up', values['warm-up'], WARM_UP_SECONDS_MAX, 600),
    connections: whole('--connections', values.connections, 64, 10_000),
    valueBytes: whole('--value-bytes', values['value-bytes'], 1024, 1_048_576),
    only: values.only?.split(',').map((name) => name.trim()) ?? [],
    withEtcd: values['no-etcd'] !== true,
    profileDir: values['cpu-prof'],
    isMarkdown: values.markdown === true,
  }
}

function whole(name: string, text: string | undefined, fallback: number, max: number): number {
  if (text === undefined) return fallback
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= max) return number
  throw new BenchUsageError(`${name} ${text}: a whole number from 1 to ${max}`)
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        'warm-up': { type: 'string' },
        connections: { type: 'string' },
        'value-bytes': { type: 'string' },
        only: { type: 'string' },
        'no-etcd': { type: 'boolean' },
        'cpu-prof': { type: 'string' },
        markdown: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new BenchUsageError((error as Error).message)
  }
}
