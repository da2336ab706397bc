/**
 * Local processes as a target: the running cluster of a data directory, or one started for the run alone.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ControlError, openControl, type NodeStatus } from '../../local-cluster/control.ts'
import { startCluster } from '../../local-cluster/local-cluster.ts'
import type { Endpoint } from '../store-client.ts'

export interface LocalTarget {
  readonly endpoints: readonly Endpoint[]
  readonly dataDir: string
  close(): Promise<void>
}

const OWN_NODES = 5

/** Undefined if no cluster runs on that directory. */
export async function findLocalCluster(dataDir: string): Promise<LocalTarget | undefined> {
  try {
    const nodes = await openControl(dataDir).status()
    return { endpoints: nodes.map(endpointOf), dataDir, close: async () => {} }
  } catch (error) {
    if (error instanceof ControlError && error.code === 'not-running') return undefined
    throw error
  }
}

/** Starts a cluster on free ports. Its directory is removed when it closes. */
export async function startOwnCluster(
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<LocalTarget> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'quorate-check-'))
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true })
  try {
    const options = { nodes: OWN_NODES, dataDir, basePort: 0, signal }
    const cluster = await startCluster({ ...options, report: (line) => print(`        ${line}`) })
    return {
      endpoints: cluster.nodes.map(endpointOf),
      dataDir,
      close: async () => {
        await cluster.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

function endpointOf({ id, clientUrl }: Pick<NodeStatus, 'id' | 'clientUrl'>): Endpoint {
  return { node: id, url: clientUrl }
}
