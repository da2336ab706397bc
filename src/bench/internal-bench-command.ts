/**
 * The command behind `npm run bench:sim`, `bench:convergence`, `bench:moves`, `bench:checker` and `bench:scale`: each
 * measures one aspect of the project, without other systems.
 */
import { command } from '../command-line/command.ts'
import { parseCommand, type Parsed } from '../command-line/parse-command.ts'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
import type { Progress } from '../terminal/progress.ts'
import { benchChecker } from './checker-bench.ts'
import { benchConvergence } from './convergence-bench.ts'
import { LOAD_OPTIONS, loadArguments } from './load-options.ts'
import { benchMoves } from './moves-bench.ts'
import { benchScale } from './scale-bench.ts'
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

/** Only the subcommand `scale` takes them. */
const OPTIONS = {
  nodes: {
    kind: 'numbers',
    max: 9,
    otherwise: 'all',
    about: 'Let scale measure only clusters with these numbers of nodes.',
  },
  keys: {
    kind: 'numbers',
    max: KEYS,
    otherwise: 'all',
    about: 'Let scale measure only these numbers of keys.',
  },
  'value-bytes': {
    kind: 'numbers',
    max: 65_536,
    otherwise: 'all',
    about: 'Let scale measure only values of these sizes.',
  },
  ...LOAD_OPTIONS,
} as const

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
    scale: {
      about:
        'Measure what a request costs by the numbers of nodes, keys and bytes. All options are for it.',
    },
  },
  options: OPTIONS,
  examples: [
    'npm run bench:sim',
    'npm run bench:convergence -- 100000',
    'npm run bench:scale -- --keys 100000,1000000',
  ],
  exitCodes: [
    [EXIT_OK, 'done'],
    [EXIT_FAILED, 'the checker gave a wrong verdict'],
  ],
})

/** Resolves to the exit code. */
export function internalBenchCommand(
  argv: readonly string[],
  output: CommandOutput & { readonly progress: Progress },
): Promise<number> {
  const read = (): Parsed<typeof OPTIONS> | undefined => {
    const parsed = parseCommand(INTERNAL_BENCH_COMMAND, argv)
    const [option] = parsed?.given ?? []
    if (parsed === undefined || parsed.subcommand === 'scale' || option === undefined) return parsed
    throw new UsageError(`--${option}: only scale has this option`)
  }
  const { progress } = output
  return runCommand(INTERNAL_BENCH_COMMAND, output, read, (parsed) =>
    measure(parsed, output.print, progress).finally(() => progress.end()),
  )
}

async function measure(
  { subcommand, values, words }: Parsed<typeof OPTIONS>,
  print: (line: string) => void,
  progress: Progress,
): Promise<number> {
  const [keys] = words
  switch (subcommand) {
    case 'checker':
      return (await benchChecker(print, progress)) ? EXIT_OK : EXIT_FAILED
    case 'convergence':
      await benchConvergence(Number(keys ?? KEYS), print, progress)
      return EXIT_OK
    case 'moves':
      await benchMoves(Number(keys ?? MOVED_KEYS), print, progress)
      return EXIT_OK
    case 'scale': {
      const { nodes, keys: counts, 'value-bytes': valueBytes } = values
      const choice = { nodes, keys: counts, valueBytes }
      await benchScale(choice, loadArguments(values), print, progress)
      return EXIT_OK
    }
    default:
      await benchSimulation(print, progress)
      return EXIT_OK
  }
}
