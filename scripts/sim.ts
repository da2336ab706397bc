/** `npm run sim`: see src/simulation/sim-command.ts. */
import { simCommand } from '../src/simulation/sim-command.ts'

process.exitCode = await simCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
})
