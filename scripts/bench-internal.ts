/** `npm run bench:sim` and its like: see src/bench/internal-bench-command.ts. */
import { internalBenchCommand } from '../src/bench/internal-bench-command.ts'
import { output, removeBarOnSignals } from './script-output.ts'

removeBarOnSignals()
process.exitCode = await internalBenchCommand(process.argv.slice(2), output)
