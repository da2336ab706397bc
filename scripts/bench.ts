/** `npm run bench`: see src/bench/bench-command.ts. */
import { fileURLToPath } from 'node:url'
import { benchCommand } from '../src/bench/bench-command.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort())

process.exitCode = await benchCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  stop: stop.signal,
  directory: fileURLToPath(new URL('..', import.meta.url)),
})
