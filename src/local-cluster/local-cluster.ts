/**
 * Runs a cluster of nodes as processes of this machine, with a control socket for faults. `npm start`, checks, the
 * benchmark and tests all use it.
 *
 * Invariant: no node outlives the process that started the cluster, whether that process calls `stop` or dies.
 */
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findTakenPort, type NodeAddress } from './address-plan.ts'
import { openControlServer, type ControlServer } from './control-server.ts'
import type { ClusterControl } from './control.ts'
import { GrowingCluster } from './growing-cluster.ts'
import { pollUntilOk } from './http-poll.ts'
import { environmentOf, schemeOf } from './node-environment.ts'
import { createNodeProcess } from './node-process.ts'
import { openRoster, presentNodes } from './roster.ts'
import { superviseNodes, type Supervisor } from './supervisor.ts'

export interface LocalClusterOptions {
  /** The number of first members, 1 to 9, called n1, n2, … Nodes that joined later are started too. */
  readonly nodes: number
  /** The directory of this cluster alone; created if absent. The data of n1 is in its subdirectory `n1`. */
  readonly dataDir: string
  /** The client port of n1; n2 gets the next, and so on. Peer ports are higher by 1000. 0 finds free ports. */
  readonly basePort: number
  /** Settings for every node, such as `{ QUORATE_DURABILITY: 'os' }`. They override the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Called with a line for each unrequested event, such as a node that dies. */
  readonly report?: (line: string) => void
  /** Called for each node when it is ready: it reaches a quorum. */
  readonly onReady?: (node: LocalNode) => void
  /** Aborts the start. `startCluster` then rejects after all started nodes have ended. */
  readonly signal?: AbortSignal
}

export interface LocalNode extends NodeAddress {
  readonly dataDir: string
}

export interface LocalCluster {
  /** The nodes at the start. */
  readonly nodes: readonly LocalNode[]
  readonly dataDir: string
  /** Faults and joins, like the control socket offers them. */
  readonly control: ClusterControl
  /** Stops all nodes. Returns those that were killed, because they did not stop in time or `now` was aborted. */
  stop(now?: AbortSignal): Promise<string[]>
}

/** How long the nodes of a killed supervisor may take to notice and free their ports. */
const LEFTOVERS_WAIT_MS = 10_000
const LEFTOVERS_POLL_MS = 100
const READY_WAIT_MS = 20_000

/**
 * Resolves when every node answers and reaches a quorum, or has waited long for one. Rejects with one sentence that
 * names the node.
 */
export async function startCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { signal, onReady, report = () => {} } = options
  const dataDir = resolve(options.dataDir)
  const server = await openControlServer(dataDir)
  let stopping: Supervisor | undefined
  try {
    const { nodes: count, basePort, env = {} } = options
    const roster = await openRoster(dataDir, count, basePort, schemeOf(env))
    const present = presentNodes(roster, dataDir)
    await refuseTakenPorts(present, server)
    const nodes = present.map((node) => ({ ...node, dataDir: join(dataDir, node.id) }))
    const growing = { dataDir, env, basePort, report }
    /** For each node, aborted when the node has left the cluster. */
    const left = new Map(nodes.map(({ id }) => [id, new AbortController()]))
    const supervisor = superviseNodes(
      nodes.map((node) => {
        const { id, clientUrl, peerUrl, dataDir: nodeDir } = node
        const spec = { id, nodeDir, clientUrl, env: environmentOf(node, roster, growing) }
        const process = createNodeProcess(spec, {
          ended: (end) => supervisor.ended(id, end),
          removed: () => {
            left.get(id)?.abort()
            cluster.removed(id)
          },
        })
        return { process, peerUrl }
      }),
      report,
    )
    stopping = supervisor
    const cluster = new GrowingCluster(growing, supervisor, roster)
    const starts = nodes.map(({ id }) => supervisor.start(id))
    await Promise.race([Promise.all(starts), rejectOnAbort(signal)])
    await Promise.all(
      nodes.map(async (node) => {
        const gone = left.get(node.id)?.signal
        if (await isReady(node, { gone, signal, report })) onReady?.(node)
      }),
    )
    const control = {
      ...supervisor,
      status: async () => {
        await cluster.letLeaversGo()
        return supervisor.status()
      },
      join: (id: string, replaces: string | undefined) => cluster.join(id, replaces),
    }
    server.serve(control)
    return { nodes, dataDir, control, stop: stopWith(cluster, supervisor, server) }
  } catch (error) {
    await stopping?.stop()
    await server.close()
    throw error
  }
}

function stopWith(
  cluster: GrowingCluster,
  supervisor: Supervisor,
  server: ControlServer,
): LocalCluster['stop'] {
  let stopped: Promise<string[]> | undefined
  return (now) => {
    stopped ??= stopAll(cluster, supervisor, server, now)
    return stopped
  }
}

async function stopAll(
  cluster: GrowingCluster,
  supervisor: Supervisor,
  server: ControlServer,
  now: AbortSignal | undefined,
): Promise<string[]> {
  try {
    if (now?.aborted !== true) await cluster.letLeaversGo(true)
    cluster.close()
    return await supervisor.stop(now)
  } finally {
    await server.close()
  }
}

async function refuseTakenPorts(
  addresses: readonly NodeAddress[],
  { afterCrash }: ControlServer,
): Promise<void> {
  const late = AbortSignal.timeout(afterCrash ? LEFTOVERS_WAIT_MS : 1)
  for (;;) {
    const taken = await findTakenPort(addresses)
    if (taken === undefined) return
    if (!afterCrash || late.aborted) {
      throw new Error(
        `${taken.id} could not start: port ${taken.port} is taken; choose other ports with --base-port`,
      )
    }
    await sleep(LEFTOVERS_POLL_MS)
  }
}

interface Waiting {
  /** The node has left the cluster: it never becomes ready, and is stopped. */
  readonly gone: AbortSignal | undefined
  readonly signal: AbortSignal | undefined
  readonly report: (line: string) => void
}

/** Waits until the node reaches a quorum. Reports a node that does not in time; it still runs and says why. */
async function isReady(
  { id, clientUrl }: LocalNode,
  { gone, signal, report }: Waiting,
): Promise<boolean> {
  const given = [gone, signal].filter((one) => one !== undefined)
  const giveUp = AbortSignal.any([AbortSignal.timeout(READY_WAIT_MS), ...given])
  const url = `${clientUrl}/readyz?verbose=true`
  if (await pollUntilOk(url, giveUp)) return true
  signal?.throwIfAborted()
  if (gone?.aborted !== true) report(`${id} is not ready yet; for the reason, see ${url}`)
  return false
}

function rejectOnAbort(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const give = (): void => reject(new Error('the start was aborted'))
    if (signal?.aborted === true) give()
    signal?.addEventListener('abort', give, { once: true })
  })
}
