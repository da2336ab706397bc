/**
 * The command line of `npm start`: how many nodes, where their data lives, which ports they take. Pure: whether a port
 * is free or a directory is usable is checked later.
 */
import { command } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'

export const NODES_MAX = 9
/** The distance from the client port of a node to its peer port. */
export const PEER_PORT_OFFSET = 1000

export const PORT_MAX = 65_535
export const DEFAULT_DATA_DIR = '.quorate'

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

const NODE_ID = {
  kind: 'text',
  placeholder: 'ID',
  pattern: /^n[1-9]\d?$/,
  expected: 'the id of a node, n1 to n99',
} as const

export const CLUSTER_COMMAND = command({
  name: 'start',
  call: 'npm start --',
  about:
    'Starts a cluster of nodes n1, n2, … as processes of this machine. Ctrl-C stops all of them cleanly. ' +
    'The nodes listen on 127.0.0.1, so only this machine reaches them. They get their other settings from ' +
    'the environment.',
  options: {
    nodes: {
      kind: 'number',
      min: 1,
      max: NODES_MAX,
      default: 5,
      without: ['join'],
      about: 'How many nodes a new cluster has. Nodes that joined later are started, too.',
    },
    data: {
      kind: 'text',
      placeholder: 'DIR',
      default: DEFAULT_DATA_DIR,
      about: 'The directory of data and logs. Node n1 uses DIR/n1, and its log is DIR/n1/node.log.',
    },
    'base-port': {
      kind: 'number',
      min: 0,
      max: PORT_MAX - PEER_PORT_OFFSET - NODES_MAX,
      default: 8001,
      without: ['join'],
      about:
        `The port P on which n1 answers clients. n2 uses P + 1, and so on. Nodes reach each other on the ports from ` +
        `P + ${PEER_PORT_OFFSET} on. 0 takes free ports. A cluster whose members have changed keeps its ports.`,
    },
    join: {
      ...NODE_ID,
      about: 'Ask the cluster that runs on DIR to start one more node, which joins it. Then end.',
    },
    replaces: {
      ...NODE_ID,
      needs: 'join',
      about: 'The member whose place the new node takes.',
    },
  },
  examples: [
    'npm start',
    'npm start -- --join n6 --replaces n3',
    'QUORATE_DURABILITY=os npm start',
  ],
  exitCodes: [
    [0, 'done'],
    [1, 'failed'],
  ],
})

/** Undefined if help is asked for. Throws UsageError. */
export function parseClusterArguments(argv: readonly string[]): ParsedClusterArguments | undefined {
  const parsed = parseCommand(CLUSTER_COMMAND, argv)
  if (parsed === undefined) return undefined
  const { nodes, data: dataDir, 'base-port': basePort, join: id, replaces } = parsed.values
  return id === undefined
    ? { kind: 'start', args: { nodes, dataDir, basePort } }
    : { kind: 'join', args: { id, replaces, dataDir } }
}
