/** The command line of `npm run bench`. Pure. */
import { parseArgs } from 'node:util'

export interface BenchArguments {
  readonly seconds: number
  readonly rounds: number
  readonly connections: number
  readonly valueBytes: number
  /** Names of workloads; empty for all. */
  readonly only: readonly string[]
  readonly withEtcd: boolean
  /** Nodes write a CPU profile there when they stop. */
  readonly profileDir: string | undefined
}

export class BenchUsageError extends Error {}

export const BENCH_USAGE =
  'usage: npm run bench -- [--seconds 4] [--rounds 3] [--connections 64] [--value-bytes 1024] ' +
  "[--only 'put quorum,etcd put'] [--no-etcd] [--cpu-prof DIR]"

/** Throws `BenchUsageError`. Undefined where the usage is asked for. */
export function parseBenchArguments(argv: readonly string[]): BenchArguments | undefined {
  const values = parse(argv)
  if (values.help === true) return undefined
  return {
    seconds: whole('--seconds', values.seconds, 4, 600),
    rounds: whole('--rounds', values.rounds, 3, 100),
    connections: whole('--connections', values.connections, 64, 10_000),
    valueBytes: whole('--value-bytes', values['value-bytes'], 1024, 1_048_576),
    only: values.only?.split(',').map((name) => name.trim()) ?? [],
    withEtcd: values['no-etcd'] !== true,
    profileDir: values['cpu-prof'],
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
        connections: { type: 'string' },
        'value-bytes': { type: 'string' },
        only: { type: 'string' },
        'no-etcd': { type: 'boolean' },
        'cpu-prof': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new BenchUsageError((error as Error).message)
  }
}
