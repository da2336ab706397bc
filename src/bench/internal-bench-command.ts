/**
 * The command behind `npm run bench:sim`, `bench:convergence`, `bench:moves` and `bench:checker`: each measures one part
 * of the project, not the store as a whole.
 */
import { command, type Options } from '../command-line/command.ts'
import { parseCommand, type Parsed } from '../command-line/parse-command.ts'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { benchChecker } from './checker-bench.ts'
import { benchConvergence } from './convergence-bench.ts'
import { benchMoves } from './moves-bench.ts'
import { benchSimulation } from './simulation-bench.ts'

const EXIT_OK = 0
const EXIT_FAILED = 1
const KEYS = 1_000_000
/** Enough for a move of some tens of seconds. */
const MOVED_KEYS = 100_000
const WORDS = [
  {
    name: 'KEYS',
    isOptional: true,
    value: { kind: 'number', min: 10_000, max: 100_000_000 },
  },
] as const

export const INTERNAL_BENCH_COMMAND = command({
  name: 'bench',
  call: 'node scripts/bench-internal.ts',
  about: 'Measures one part of the project. `npm run bench:sim` runs the command sim, and so on.',
  subcommands: {
    sim: { about: 'Measure the speed of the simulator.' },
    convergence: {
      words: WORDS,
      about: `Measure the cost of comparing and repairing copies of so many keys. Default: ${KEYS}.`,
    },
    moves: {
      words: WORDS,
      about: `Measure what the move of so many keys to other nodes costs clients. Default: ${MOVED_KEYS}.`,
    },
    checker: { about: 'Measure how long deciding a history takes.' },
  },
  options: {},
  examples: ['npm run bench:sim', 'npm run bench:convergence -- 100000'],
  exitCodes: [
    [EXIT_OK, 'done'],
    [EXIT_FAILED, 'the checker gave a wrong verdict'],
  ],
})

/** Resolves to the exit code. */
export function internalBenchCommand(
  argv: readonly string[],
  output: CommandOutput,
): Promise<number> {
  const read = (): Parsed<Options> | undefined => parseCommand(INTERNAL_BENCH_COMMAND, argv)
  return runCommand(INTERNAL_BENCH_COMMAND, output, read, async ({ subcommand, words: [keys] }) => {
    const { print } = output
    if (subcommand === 'checker') return benchChecker(print) ? EXIT_OK : EXIT_FAILED
    if (subcommand === 'convergence') await benchConvergence(Number(keys ?? KEYS), print)
    else if (subcommand === 'moves') await benchMoves(Number(keys ?? MOVED_KEYS), print)
    else await benchSimulation(print)
    return EXIT_OK
  })
}
