/** `npm start`: see src/local-cluster/cluster-command.ts. */
import { clusterCommand } from '../src/local-cluster/cluster-command.ts'

const stop = new AbortController()
const stopNow = new AbortController()

/** The first one stops cleanly, the second one at once. */
function interrupt(): void {
  if (stop.signal.aborted) stopNow.abort()
  stop.abort()
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
// The starter of this process is gone, and with it the way to stop it.
process.on('disconnect', () => stop.abort())
// A terminal that went away must not keep the nodes from being stopped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const code = await clusterCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  stop: stop.signal,
  stopNow: stopNow.signal,
})
process.exit(code)
