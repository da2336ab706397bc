/**
 * Which nodes a local cluster has, from one start to the next. As long as it has the nodes that it began with, they
 * follow from the arguments of the start, and nothing is kept. Once one has joined or left, a file in the data
 * directory lists all of them, with their ports: members know each other by these.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressesOf, planAddresses, type NodeAddress } from './address-plan.ts'

export interface Roster {
  readonly nodes: readonly RosterNode[]
  /** Ids of nodes that are no members any more: they are not started. */
  readonly left: readonly string[]
}

export interface RosterNode extends NodeAddress {
  /** One of those that the cluster began with, and is named by. */
  readonly first: boolean
  /** It came, or came back, to a cluster that was there already. */
  readonly joined: boolean
}

const FILE = 'nodes.json'

/** As the file has it, or as planned for a cluster that begins, or begins again, with `nodes`. */
export async function openRoster(
  dataDir: string,
  nodes: number,
  basePort: number,
): Promise<Roster> {
  const kept = readRoster(dataDir)
  if (kept === undefined) {
    const planned = await planAddresses(nodes, basePort)
    return {
      nodes: planned.map((address) => ({ ...address, first: true, joined: false })),
      left: [],
    }
  }
  const count = kept.nodes.filter(({ first }) => first).length
  if (count === nodes) return kept
  const many = count === 1 ? 'one node' : `${count} nodes`
  throw new Error(`the cluster in ${dataDir} began with ${many}: start it with --nodes ${count}`)
}

/** Those to be started: a joined one whose directory was removed is gone. */
export function presentNodes({ nodes, left }: Roster, dataDir: string): RosterNode[] {
  return nodes.filter(
    ({ id, joined }) => !left.includes(id) && (!joined || existsSync(join(dataDir, id))),
  )
}

/** With one that comes to the cluster; at `address`, unless it has had one before. */
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
  // Renamed into place, so that no start ever reads half a file.
  renameSync(`${file}.new`, file)
}

function readRoster(dataDir: string): Roster | undefined {
  const file = join(dataDir, FILE)
  if (!existsSync(file)) return undefined
  const { nodes, left } = JSON.parse(readFileSync(file, 'utf8')) as Roster
  return { nodes: nodes.map((node) => ({ ...node, ...addressesOf(node) })), left }
}
