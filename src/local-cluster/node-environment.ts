/** Makes the environment of a node process: the settings of a node of a local cluster. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scheme } from './address-plan.ts'
import { presentNodes, type Roster, type RosterNode } from './roster.ts'

/** The names of this machine, also in its containers. A web page that attacks by DNS rebinding uses another name. */
const LOCAL_HOSTS = 'localhost,*.localhost,host.docker.internal'

/**
 * Node.js keeps compiled modules here. Without them every start strips the types of all modules again, which costs a
 * second of CPU time, and 20 MiB for as long as the process lives.
 */
const COMPILED = fileURLToPath(
  new URL('../../node_modules/.cache/quorate-compiled', import.meta.url),
)

export interface EnvironmentOptions {
  readonly dataDir: string
  /** Settings for every node. They override the environment of this process, whose settings of tracing do not count. */
  readonly env: Readonly<Record<string, string>>
}

/** For a joining node, `replaces` is the member whose place it takes. */
export function environmentOf(
  node: RosterNode,
  roster: Roster,
  { dataDir, env }: EnvironmentOptions,
  replaces?: string,
): Record<string, string | undefined> {
  return {
    QUORATE_ALLOWED_HOSTS: LOCAL_HOSTS,
    NODE_COMPILE_CACHE: COMPILED,
    ...environmentWithoutTracing(),
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

/** The settings of tracing in the environment of this process. They are for nodes that a person starts. */
export function tracingEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, text]) =>
      isOfTracing(name) && text !== undefined ? [[name, text]] : [],
    ),
  )
}

/** So that nodes of tests and measurements do not send traces to the collector of a developer's programs. */
function environmentWithoutTracing(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfTracing(name)))
}

function isOfTracing(name: string): boolean {
  return name.startsWith('OTEL_')
}

/** Whether nodes with these settings serve clients over HTTPS. */
export function schemeOf(env: EnvironmentOptions['env']): Scheme {
  return { ...process.env, ...env }['QUORATE_TLS_CERT'] ? 'https' : 'http'
}

/** Nodes that have left stay in the list, because the list of first members identifies the cluster. */
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
