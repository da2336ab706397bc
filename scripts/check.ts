/** `npm run check`: see src/harness/check-command.ts. */
import { EXIT_CRASH } from '../src/harness/check-arguments.ts'
import { checkCommand } from '../src/harness/check-command.ts'
import { output } from './script-output.ts'

const stop = new AbortController()

/**
 * The first Ctrl-C ends the run early, and it is still healed and judged. The second ends it now, and leases heal it.
 */
function interrupt(): void {
  if (stop.signal.aborted) process.exit(EXIT_CRASH)
  output.complain('check: stopping; once more to leave at once')
  stop.abort()
}

process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)

process.exitCode = await checkCommand(process.argv.slice(2), {
  ...output,
  stop: stop.signal,
})
