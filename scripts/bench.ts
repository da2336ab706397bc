/** `npm run bench`: see src/bench/bench-command.ts. */
import { fileURLToPath } from 'node:url'
import { benchCommand } from '../src/bench/bench-command.ts'
import { output } from './script-output.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort())

process.exitCode = await benchCommand(process.argv.slice(2), {
  ...output,
  stop: stop.signal,
  directory: fileURLToPath(new URL('..', import.meta.url)),
})
