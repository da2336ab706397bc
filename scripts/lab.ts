/** `npm run lab`: see src/lab/lab-command.ts. */
import { labCommand } from '../src/lab/lab-command.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort())
// The process that started this one is gone. Nobody else could stop it, so stop now.
process.on('disconnect', () => stop.abort())

const code = await labCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  stop: stop.signal,
})
process.exit(code)
