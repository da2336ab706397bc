/** `npm run bench`: see src/bench/bench-command.ts. */
import { fileURLToPath } from 'node:url'
import { bench } from '../src/bench/bench-command.ts'
import { BENCH_USAGE, BenchUsageError, parseBenchArguments } from '../src/bench/bench-arguments.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2
const EXIT_STOPPED = 130

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort())

try {
  const args = parseBenchArguments(process.argv.slice(2))
  const directory = fileURLToPath(new URL('..', import.meta.url))
  const print = (line: string): void => console.log(line)
  const tell = args?.isMarkdown === true ? (): void => {} : print
  if (args === undefined) print(BENCH_USAGE)
  else await bench(args, { print, tell, stop: stop.signal, directory })
  if (stop.signal.aborted) process.exitCode = EXIT_STOPPED
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exitCode = error instanceof BenchUsageError ? EXIT_USAGE : EXIT_FAILED
}
