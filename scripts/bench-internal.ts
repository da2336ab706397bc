/** `npm run bench:sim` and its like: see src/bench/internal-bench-command.ts. */
import { internalBenchCommand } from '../src/bench/internal-bench-command.ts'

process.exitCode = await internalBenchCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
})
