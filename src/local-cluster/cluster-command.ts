/**
 * The command `npm start`: starts a local cluster, prints how to try it, and runs until it is told to stop. With
 * `--join` it adds a node to the running cluster instead. Terminal and signals are arguments.
 */
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import {
  CLUSTER_COMMAND,
  type ClusterArguments,
  type JoinArguments,
  type ParsedClusterArguments,
  parseClusterArguments,
} from './cluster-arguments.ts'
import { ControlError, openControl } from './control.ts'
import { startCluster, type LocalCluster } from './local-cluster.ts'
import { tracingEnvironment } from './node-environment.ts'

export interface CommandWorld extends CommandOutput {
  /** Aborted to stop the cluster cleanly. */
  readonly stop: AbortSignal
  /** Aborted to kill the nodes if a clean stop takes too long. */
  readonly stopNow: AbortSignal
}

const EXIT_OK = 0
const EXIT_FAILED = 1

/** Resolves to the exit code when all nodes have ended. */
export function clusterCommand(argv: readonly string[], world: CommandWorld): Promise<number> {
  const read = (): ParsedClusterArguments | undefined => parseClusterArguments(argv)
  return runCommand(CLUSTER_COMMAND, world, read, (parsed) =>
    parsed.kind === 'join' ? joinCluster(parsed.args, world) : runCluster(parsed.args, world),
  )
}

async function runCluster(args: ClusterArguments, world: CommandWorld): Promise<number> {
  const { print, complain, stop, stopNow } = world
  const count = args.nodes === 1 ? 'one node' : `${args.nodes} nodes`
  print(`Starting ${count}, data under ${args.dataDir}, reachable from this machine only`)
  let cluster: LocalCluster
  try {
    cluster = await startCluster({
      ...args,
      env: tracingEnvironment(),
      report: complain,
      onReady: ({ id, clientUrl }) => print(`  ${id} is ready on ${clientUrl}`),
      signal: stop,
    })
  } catch (error) {
    complain(stop.aborted ? 'Stopped before all nodes had started' : (error as Error).message)
    return EXIT_FAILED
  }
  for (const line of invitation(cluster, args.dataDir)) print(line)
  await aborted(stop)
  print('Stopping …')
  const killed = await cluster.stop(stopNow)
  if (killed.length === 0) {
    print('All nodes stopped cleanly')
    return EXIT_OK
  }
  complain(`${killed.join(', ')} did not stop in time and had to be killed`)
  return EXIT_FAILED
}

async function joinCluster(
  { id, replaces, dataDir }: JoinArguments,
  { print, complain }: CommandWorld,
): Promise<number> {
  try {
    const { clientUrl, isMember } = await openControl(dataDir).join(id, replaces)
    const how = replaces === undefined ? 'joins the cluster' : `takes the place of ${replaces}`
    print(`${id} answers on ${clientUrl}, and ${how}`)
    if (!isMember) {
      print(`The cluster has not admitted it yet. It keeps asking; see ${dataDir}/${id}/node.log`)
    }
    print(`curl ${clientUrl.replace('127.0.0.1', 'localhost')}/v1/cluster/moves shows the progress`)
    return EXIT_OK
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    complain(error.message)
    return EXIT_FAILED
  }
}

/** Tells how to try the cluster. The last line is a command to copy. */
function invitation({ nodes }: LocalCluster, dataDir: string): string[] {
  const urlOf = (i: number): string => {
    const port = nodes[Math.min(i, nodes.length - 1)]?.clientPort
    return `localhost:${port}/v1/kv/default/hello`
  }
  const lab = `http://localhost:${nodes[0]?.clientPort}/ui/`
  return [
    '',
    `Logs: ${dataDir}/n1/node.log and so on. Ctrl-C stops all nodes.`,
    `The lab, with a simulated cluster to break and with this one: ${lab}`,
    'Write a value through one node, and read it through another:',
    `curl -X PUT ${urlOf(0)} -d world && curl ${urlOf(2)}`,
  ]
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    signal.addEventListener('abort', () => done(), { once: true })
  })
}
