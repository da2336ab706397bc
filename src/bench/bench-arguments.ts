/** The command line of `npm run bench`. Pure. */
import { parseArgs } from 'node:util'

export interface BenchArguments {
  readonly seconds: number
  readonly rounds: number
  /** At most, of each workload before the first round. */
  readonly warmUpSeconds: number
  readonly connections: number
  readonly valueBytes: number
  /** Names of workloads; empty for all. */
  readonly only: readonly string[]
  readonly withEtcd: boolean
  /** Nodes write a CPU profile there when they stop. */
  readonly profileDir: string | undefined
  /** Prints the result alone, as it stands in the README. */
  readonly isMarkdown: boolean
}

export class BenchUsageError extends Error {}

const WARM_UP_SECONDS_MAX = 24

export const BENCH_USAGE = `npm run bench -- [OPTIONS]

  --seconds 4         of one round
  --rounds 3          of each workload; the medians of its rounds are told
  --warm-up ${WARM_UP_SECONDS_MAX}        at most, of each workload before the first round: less where it gets no faster
  --connections 64    kept alive, spread over the nodes
  --value-bytes 1024
  --only NAME,NAME    some of the workloads: --only 'put quorum,etcd put'
  --no-etcd           without etcd, even where it is installed
  --cpu-prof DIR      nodes leave CPU profiles in DIR; what cost most is printed
  --markdown          prints the tables alone`

/** Throws `BenchUsageError`. Undefined where the usage is asked for. */
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
