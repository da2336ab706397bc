/** `npm start`: see src/local-cluster/cluster-command.ts. */
import { buildInBackground } from '../src/lab/background-build.ts'
import { clusterCommand } from '../src/local-cluster/cluster-command.ts'

const stop = new AbortController()
const stopNow = new AbortController()

/** The first signal stops the cluster cleanly, the second at once. */
function interrupt(): void {
  if (stop.signal.aborted) stopNow.abort()
  stop.abort()
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
// The process that started this one is gone. Nobody else could stop it, so stop now.
process.on('disconnect', () => stop.abort())
// A closed terminal must not prevent stopping the nodes.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

buildInBackground()
const code = await clusterCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  stop: stop.signal,
  stopNow: stopNow.signal,
})
process.exit(code)
