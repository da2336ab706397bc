/**
 * Which nodes a local cluster has, across starts. As long as a cluster has exactly its first members, they follow from
 * the arguments of the start, and no file exists. After a node has joined or left, a file in the data directory lists
 * all nodes with their ports, because members know each other by their ports.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressesOf, planAddresses, type NodeAddress, type Scheme } from './address-plan.ts'

export interface Roster {
  readonly nodes: readonly RosterNode[]
  /** Ids of nodes that are no longer members. They are not started. */
  readonly left: readonly string[]
}

export interface RosterNode extends NodeAddress {
  /** Whether the node is one of the first members. Their list identifies the cluster. */
  readonly first: boolean
  /** Whether the node joined, or joined again, a running cluster. */
  readonly joined: boolean
}

const FILE = 'nodes.json'

/**
 * Reads the file, or plans a cluster of `nodes` if there is no file. Rejects if the file has another number of first
 * members.
 */
export async function openRoster(
  dataDir: string,
  nodes: number,
  basePort: number,
  scheme: Scheme = 'http',
): Promise<Roster> {
  const kept = readRoster(dataDir, scheme)
  if (kept === undefined) {
    const planned = await planAddresses(nodes, basePort, scheme)
    return {
      nodes: planned.map((address) => ({ ...address, first: true, joined: false })),
      left: [],
    }
  }
  const count = kept.nodes.filter(({ first }) => first).length
  if (count === nodes) return kept
  const many = count === 1 ? 'one node' : `${count} nodes`
  throw new Error(
    `the cluster in ${dataDir} was created with ${many}: start it with --nodes ${count}`,
  )
}

/** The nodes to start. A joined node whose directory was removed no longer counts. */
export function presentNodes({ nodes, left }: Roster, dataDir: string): RosterNode[] {
  return nodes.filter(
    ({ id, joined }) => !left.includes(id) && (!joined || existsSync(join(dataDir, id))),
  )
}

/** The roster with a node that joins. It gets `address`, unless it had an address before. */
export function withJoining(roster: Roster, address: NodeAddress): Roster {
  const { id } = address
  const before = roster.nodes.find((node) => node.id === id)
  const node = { ...address, first: false, ...before, joined: true }
  return {
    nodes: [...roster.nodes.filter((other) => other.id !== id), node],
    left: roster.left.filter((other) => other !== id),
  }
}

export function withoutNodes(roster: Roster, ids: readonly string[]): Roster {
  return { ...roster, left: [...new Set([...roster.left, ...ids])] }
}

export function writeRoster(dataDir: string, { nodes, left }: Roster): void {
  const file = join(dataDir, FILE)
  const ports = nodes.map(({ id, clientPort, peerPort, first, joined }) => ({
    id,
    clientPort,
    peerPort,
    first,
    joined,
  }))
  writeFileSync(`${file}.new`, `${JSON.stringify({ nodes: ports, left }, undefined, 2)}\n`)
  // Rename the file into place, so that no start ever reads a partial file.
  renameSync(`${file}.new`, file)
}

function readRoster(dataDir: string, scheme: Scheme): Roster | undefined {
  const file = join(dataDir, FILE)
  if (!existsSync(file)) return undefined
  const { nodes, left } = JSON.parse(readFileSync(file, 'utf8')) as Roster
  return { nodes: nodes.map((node) => ({ ...node, ...addressesOf(node, scheme) })), left }
}
