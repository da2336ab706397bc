/**
 * The command line of `npm start`: how many nodes, where their data lives, which ports they take. Pure; whether
 * a port is free or a directory can be used is found out later.
 */
import { parseArgs } from 'node:util'

export const NODES_MAX = 9
/** From a client's port to the port of the same node for its peers. */
export const PEER_PORT_OFFSET = 1000

const PORT_MAX = 65_535

export interface ClusterArguments {
  readonly nodes: number
  readonly dataDir: string
  readonly basePort: number
}

export type ParsedClusterArguments =
  | { readonly kind: 'start'; readonly args: ClusterArguments }
  | { readonly kind: 'help' }
  /** One line that names the bad argument and says what is allowed. */
  | { readonly kind: 'wrong'; readonly problem: string }

export const CLUSTER_HELP = [
  'npm start -- [--nodes 5] [--data .quorate] [--base-port 8001]',
  '',
  'A cluster of nodes n1, n2, … as processes of this machine. Ctrl-C stops all of them cleanly.',
  '',
  `  --nodes N       how many, 1 to ${NODES_MAX}`,
  '  --data DIR      where their data and logs go, one directory a node: DIR/n1, DIR/n1/node.log',
  '  --base-port P   n1 answers clients on port P, n2 on P + 1, …; among themselves they use the ports',
  `                  from P + ${PEER_PORT_OFFSET} on. All listen on 127.0.0.1: reachable from this machine only.`,
  '                  0 takes free ports',
  '',
  'Other settings of a node are passed on from the environment: QUORATE_DURABILITY=os npm start',
].join('\n')

export function parseClusterArguments(argv: readonly string[]): ParsedClusterArguments {
  let values: { help?: boolean; nodes?: string; data?: string; 'base-port'?: string }
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean' },
        nodes: { type: 'string' },
        data: { type: 'string' },
        'base-port': { type: 'string' },
      },
    }).values
  } catch (error) {
    // Its own sentences name the argument, and go on with advice about positionals that is of no use here.
    return wrong(String((error as Error).message).split('. ')[0] ?? 'bad arguments')
  }
  if (values.help === true) return { kind: 'help' }
  const nodes = wholeNumber(values.nodes ?? '5')
  if (nodes < 1 || nodes > NODES_MAX || Number.isNaN(nodes)) {
    return wrong(`--nodes ${values.nodes}: must be a whole number from 1 to ${NODES_MAX}`)
  }
  const basePort = wholeNumber(values['base-port'] ?? '8001')
  const basePortMax = PORT_MAX - PEER_PORT_OFFSET - NODES_MAX
  if (Number.isNaN(basePort) || basePort > basePortMax) {
    return wrong(
      `--base-port ${values['base-port']}: must be a whole number from 0 to ${basePortMax}`,
    )
  }
  if (values.data === '') return wrong('--data: must name a directory')
  return { kind: 'start', args: { nodes, dataDir: values.data ?? '.quorate', basePort } }
}

function wrong(problem: string): ParsedClusterArguments {
  return { kind: 'wrong', problem }
}

function wholeNumber(text: string): number {
  return /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
}
