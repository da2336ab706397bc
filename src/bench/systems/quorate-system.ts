/** Nodes of this store, as processes of this machine. */
import { request } from 'undici'
import { startCluster } from '../../local-cluster/local-cluster.ts'
import {
  type Access,
  type HttpWorkload,
  keyName,
  type NodeCounters,
  type RunningSystem,
} from './system.ts'

export interface QuorateOptions {
  readonly nodes: number
  readonly dataDir: string
  readonly env: Readonly<Record<string, string>>
  /** Aborts the start. */
  readonly signal?: AbortSignal
}

/** `access`: for reading the metrics. */
export async function startQuorate(
  options: QuorateOptions,
  access?: Access,
): Promise<RunningSystem> {
  const env = { QUORATE_LOG_LEVEL: 'warn', ...options.env }
  const cluster = await startCluster({ ...options, basePort: 0, env })
  const status = await cluster.control.status()
  const urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
  return {
    urls,
    pids: status.map(({ pid }) => pid ?? 0),
    readCounters: () => countersOf(urls, access),
    stop: async () => void (await cluster.stop()),
  }
}

type Level = 'weak' | 'eventual' | 'quorum' | 'strong'

/** A put without a context, which replaces every value of the key. */
export function quoratePut(name: string, level: Level, value: string): HttpWorkload {
  const status = level === 'weak' ? 202 : 204
  return { ...quorateGet(name, level), method: 'PUT', body: value, status, valueIn: undefined }
}

export function quorateGet(name: string, level: Level): HttpWorkload {
  return {
    via: 'http',
    name,
    method: 'GET',
    path: `/v1/kv/${level === 'strong' ? 'strong' : 'default'}/{key}?consistency=${level}`,
    body: '',
    keyOf: keyName,
    status: 200,
    valueIn: (body) => body,
  }
}

/** Sums a metric over the given nodes. A message or byte counts only where it was sent. */
export async function totalOf(urls: readonly string[], metric: string): Promise<number> {
  return sumOf(await metricsOf(urls), metric)
}

async function countersOf(
  urls: readonly string[],
  access: Access | undefined,
): Promise<NodeCounters> {
  const metrics = await metricsOf(urls, access)
  return {
    commits: sumOf(metrics, 'storage_commits_total'),
    messages: sumOf(metrics, 'peer_messages_total'),
    frames: sumOf(metrics, 'peer_frames_total'),
  }
}

/** The metrics of all nodes, one text after the other. */
async function metricsOf(urls: readonly string[], access?: Access): Promise<string> {
  const texts = urls.map(async (url) => (await request(`${url}/metrics`, access)).body.text())
  return (await Promise.all(texts)).join('\n')
}

/** Adds up the series of a metric, without those of the direction `in`. */
export function sumOf(metrics: string, metric: string): number {
  const series = new RegExp(String.raw`^quorate_${metric}(?:\{([^}]*)\})? (\S+)$`, 'gm')
  return [...metrics.matchAll(series)]
    .filter(([, labels = '']) => !labels.includes('direction="in"'))
    .reduce((sum, [, , value]) => sum + Number(value), 0)
}
