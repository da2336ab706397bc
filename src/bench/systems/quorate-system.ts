/** Three nodes of this store, as processes of this machine. */
import { startCluster } from '../../local-cluster/local-cluster.ts'
import type { RunningSystem, Workload } from './system.ts'

export async function startQuorate(
  name: string,
  dataDir: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<RunningSystem> {
  const settings = { QUORATE_LOG_LEVEL: 'warn', ...env }
  const cluster = await startCluster({ nodes: 3, dataDir, basePort: 0, env: settings, signal })
  const status = await cluster.control.status()
  return {
    name,
    urls: cluster.nodes.map(({ clientUrl }) => clientUrl),
    pids: status.map(({ pid }) => pid ?? 0),
    stop: async () => void (await cluster.stop()),
  }
}

type Level = 'weak' | 'eventual' | 'quorum' | 'strong'

/** A put without a context, which replaces every value of the key. */
export function quoratePut(name: string, level: Level, value: string): Workload {
  const status = level === 'weak' ? 202 : 204
  return { ...quorateGet(name, level), method: 'PUT', body: value, status, valueIn: undefined }
}

export function quorateGet(name: string, level: Level): Workload {
  return {
    name,
    method: 'GET',
    path: `/v1/kv/${level === 'strong' ? 'strong' : 'default'}/{key}?consistency=${level}`,
    body: '',
    keyOf: (number) => `key-${number}`,
    status: 200,
    valueIn: (body) => body,
  }
}
