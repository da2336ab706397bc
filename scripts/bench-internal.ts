/**
 * `npm run bench:sim` measures the speed of the simulator. `npm run bench:convergence [-- KEYS]` measures the cost of
 * comparing and repairing copies. `npm run bench:checker` measures how long deciding a history takes. `npm run
 * bench:moves [-- KEYS]` measures what a leaving node costs the others during its move.
 */
import { benchChecker } from '../src/bench/checker-bench.ts'
import { benchConvergence } from '../src/bench/convergence-bench.ts'
import { benchMoves } from '../src/bench/moves-bench.ts'
import { benchSimulation } from '../src/bench/simulation-bench.ts'

const KEYS = 1_000_000
/** Enough for a move of some tens of seconds. */
const MOVED_KEYS = 100_000
const EXIT_USAGE = 2

const [what, count] = process.argv.slice(2)
const keys = count === undefined ? (what === 'moves' ? MOVED_KEYS : KEYS) : Number(count)
const print = (line: string): void => console.log(line)
if (!Number.isInteger(keys) || keys < 10_000 || keys > 100_000_000) {
  console.error(`bench: ${count}: a whole number of keys from 10000 to 100000000`)
  process.exitCode = EXIT_USAGE
} else if (what === 'convergence') await benchConvergence(keys, print)
else if (what === 'moves') await benchMoves(keys, print)
else if (what === 'checker') process.exitCode = benchChecker(print) ? 0 : 1
else await benchSimulation(print)
