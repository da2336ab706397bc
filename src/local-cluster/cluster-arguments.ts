/**
 * Parses the command line of `npm start`: how many nodes, where their data lives, which ports they take. Pure: whether
 * a port is free or a directory is usable is checked later.
 */
import { parseArgs } from 'node:util'

export const NODES_MAX = 9
/** The distance from the client port of a node to its peer port. */
export const PEER_PORT_OFFSET = 1000

export const PORT_MAX = 65_535
const DATA_DIR = '.quorate'

export interface ClusterArguments {
  readonly nodes: number
  readonly dataDir: string
  readonly basePort: number
}

export interface JoinArguments {
  readonly id: string
  /** The member whose place the node takes. */
  readonly replaces: string | undefined
  readonly dataDir: string
}

export type ParsedClusterArguments =
  | { readonly kind: 'start'; readonly args: ClusterArguments }
  | { readonly kind: 'join'; readonly args: JoinArguments }
  | { readonly kind: 'help' }
  /** One line that names the bad argument and says what is allowed. */
  | { readonly kind: 'wrong'; readonly problem: string }

export const CLUSTER_HELP = [
  'npm start -- [--nodes 5] [--data .quorate] [--base-port 8001]',
  'npm start -- --join n6 [--replaces n3] [--data .quorate]',
  '',
  'A cluster of nodes n1, n2, … as processes of this machine. Ctrl-C stops all of them cleanly.',
  '',
  `  --nodes N       how many it begins with, 1 to ${NODES_MAX}; those that joined later are started too`,
  '  --data DIR      where their data and logs go, one directory a node: DIR/n1, DIR/n1/node.log',
  '  --base-port P   n1 answers clients on port P, n2 on P + 1, …; among themselves they use the ports',
  `                  from P + ${PEER_PORT_OFFSET} on. All listen on 127.0.0.1: reachable from this machine only.`,
  '                  0 takes free ports. A cluster whose members have changed keeps the ports that it has',
  '  --join ID       asks the cluster that runs on DIR, and was started before, to start one node more, which',
  '                  joins it, and ends',
  '  --replaces ID   with --join: it takes the place of that member instead of coming beside it',
  '',
  'Other settings of a node are passed on from the environment: QUORATE_DURABILITY=os npm start',
].join('\n')

interface Values {
  readonly help?: boolean
  readonly nodes?: string
  readonly data?: string
  readonly 'base-port'?: string
  readonly join?: string
  readonly replaces?: string
}

export function parseClusterArguments(argv: readonly string[]): ParsedClusterArguments {
  let values: Values
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean' },
        nodes: { type: 'string' },
        data: { type: 'string' },
        'base-port': { type: 'string' },
        join: { type: 'string' },
        replaces: { type: 'string' },
      },
    }).values
  } catch (error) {
    // The first sentence names the argument. The rest is advice about positional arguments, which are not used here.
    return wrong(String((error as Error).message).split('. ')[0] ?? 'bad arguments')
  }
  if (values.help === true) return { kind: 'help' }
  if (values.data === '') return wrong('--data: must name a directory')
  if (values.join !== undefined) return parseJoin(values.join, values)
  if (values.replaces !== undefined) return wrong('--replaces: goes with --join')
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
  return { kind: 'start', args: { nodes, dataDir: values.data ?? DATA_DIR, basePort } }
}

function parseJoin(id: string, values: Values): ParsedClusterArguments {
  const { replaces, data: dataDir = DATA_DIR } = values
  const other = (['nodes', 'base-port'] as const).find((name) => values[name] !== undefined)
  if (other !== undefined) return wrong(`--${other}: does not go with --join`)
  for (const [name, value] of [['join', id] as const, ['replaces', replaces] as const]) {
    if (value === undefined || /^n[1-9]\d?$/.test(value)) continue
    return wrong(`--${name} ${value}: must be the id of a node, one of n1 to n99`)
  }
  return { kind: 'join', args: { id, replaces, dataDir } }
}

function wrong(problem: string): ParsedClusterArguments {
  return { kind: 'wrong', problem }
}

function wholeNumber(text: string): number {
  return /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
}
