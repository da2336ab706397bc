/** Three nodes of this store, as processes of this machine. */
import { startCluster } from '../cluster/local-cluster.ts'
import type { RunningSystem, Workload } from './system.ts'

export async function startQuorate(
  name: string,
  dataDir: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningSystem> {
  const settings = { QUORATE_LOG_LEVEL: 'warn', ...env }
  const cluster = await startCluster({ nodes: 3, dataDir, basePort: 0, env: settings })
  const status = await cluster.control.status()
  return {
    name,
    urls: cluster.nodes.map(({ clientUrl }) => clientUrl),
    pids: status.map(({ pid }) => pid ?? 0),
    stop: async () => void (await cluster.stop()),
  }
}

export function quoratePut(name: string, level: string, value: string): Workload {
  return { ...quorateGet(name, level), method: 'PUT', body: value }
}

export function quorateGet(name: string, level: string): Workload {
  const path = `/v1/kv/default/{key}?consistency=${level}`
  return { name, method: 'GET', path, body: '', keyOf: (number) => `key-${number}` }
}
