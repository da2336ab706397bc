/** The settings of a node of a local cluster, as the environment of its process. */
import { join } from 'node:path'
import { presentNodes, type Roster, type RosterNode } from './roster.ts'

/** What this machine and its containers call it: a web page whose name is turned on 127.0.0.1 has another one. */
const LOCAL_HOSTS = 'localhost,*.localhost,host.docker.internal'

export interface EnvironmentOptions {
  readonly dataDir: string
  /** For every node, before those of this process. */
  readonly env: Readonly<Record<string, string>>
}

/** `replaces` is of a node that joins: the member whose place it takes. */
export function environmentOf(
  node: RosterNode,
  roster: Roster,
  { dataDir, env }: EnvironmentOptions,
  replaces?: string,
): Record<string, string | undefined> {
  return {
    QUORATE_ALLOWED_HOSTS: LOCAL_HOSTS,
    ...process.env,
    QUORATE_CHAOS: '1',
    ...env,
    QUORATE_NODE_ID: node.id,
    QUORATE_LISTEN: `127.0.0.1:${node.clientPort}`,
    QUORATE_PEER_LISTEN: `127.0.0.1:${node.peerPort}`,
    ...(node.joined ? wayIn(node, roster, dataDir, replaces) : firstMembers(roster)),
    QUORATE_DATA_DIR: join(dataDir, node.id),
    QUORATE_SUPERVISED: '1',
  }
}

/** Those that have left stay in the list: it names the cluster. */
function firstMembers({ nodes }: Roster): Record<string, string | undefined> {
  const members = nodes.filter(({ first }) => first)
  return {
    QUORATE_MEMBERS: members.map(({ id, peerUrl }) => `${id}=${peerUrl}`).join(','),
    QUORATE_JOIN: undefined,
    QUORATE_PEER_URL: undefined,
    QUORATE_REPLACES: undefined,
  }
}

function wayIn(
  { id, peerUrl }: RosterNode,
  roster: Roster,
  dataDir: string,
  replaces: string | undefined,
): Record<string, string | undefined> {
  const seeds = presentNodes(roster, dataDir).filter((other) => other.id !== id)
  return {
    QUORATE_MEMBERS: undefined,
    QUORATE_JOIN: seeds.map((seed) => seed.peerUrl).join(','),
    QUORATE_PEER_URL: peerUrl,
    QUORATE_REPLACES: replaces,
  }
}
