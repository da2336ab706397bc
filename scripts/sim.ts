/** `npm run sim`: see src/simulation/sim-command.ts. */
import { simCommand } from '../src/simulation/sim-command.ts'
import { output, removeBarOnSignals } from './script-output.ts'

removeBarOnSignals()
process.exitCode = await simCommand(process.argv.slice(2), output)
