/**
 * Measures the cost of comparing and repairing a million keys a node. Three nodes run as processes with filled
 * databases. Some keys are removed from one database, as a damaged disk would lose them. There are no hints for these
 * keys, so only anti-entropy can find them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { type LocalCluster, startCluster } from '../local-cluster/local-cluster.ts'
import { recordOperations } from '../node/storage/data-index.ts'
import { ABSENT_COPY } from '../node/wire/object-record.ts'
import { copyOf, fillDatabase, nameOf, storageKeyOf, withDatabase } from './filled-database.ts'
import { usageOf } from './process-usage.ts'

const NODES = ['n1', 'n2', 'n3'] as const
const VALUE_BYTES = 100
const DIFFERENCES = [0, 10, 10_000]
const POLL_MS = 100
const CONVERGED_MS_MAX = 600_000
const IDLE_MS = 10_000

export async function benchConvergence(keys: number, print: (line: string) => void): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'quorate-convergence-'))
  try {
    // Create the directories and the identities of the nodes.
    await (await startCluster({ nodes: NODES.length, dataDir, basePort: 0 })).stop()
    for (const id of NODES) await fillDatabase(join(dataDir, id), keys, VALUE_BYTES)
    print(`${keys} keys of ${VALUE_BYTES} bytes on each of three nodes`)
    for (const differences of DIFFERENCES) await measure(dataDir, keys, differences, print)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function measure(
  dataDir: string,
  keys: number,
  differences: number,
  print: (line: string) => void,
): Promise<void> {
  await takeOut(join(dataDir, 'n3'), keys, differences)
  const startMs = performance.now()
  const cluster = await startCluster({ nodes: NODES.length, dataDir, basePort: 0 })
  try {
    await built(cluster)
    const builtMs = performance.now() - startMs
    await converged(cluster)
    const convergedMs = performance.now() - startMs
    const [bytes, cpu] = [await total(cluster, 'peer_bytes_total'), await cpuSeconds(cluster)]
    const exchanged = await total(cluster, 'anti_entropy_keys_total')
    const rss = Math.max(...(await pids(cluster)).map((pid) => usageOf(pid)?.rssBytes ?? 0))
    await sleep(IDLE_MS)
    const idleBytes = (await total(cluster, 'peer_bytes_total')) - bytes
    const idleCpu = (await cpuSeconds(cluster)) - cpu
    print(
      `${String(differences).padStart(6)} keys missing on one node: trees built ${seconds(builtMs)} after the start, ` +
        `equal ${seconds(convergedMs)}; ${exchanged} keys and ${kib(bytes)} sent by all nodes, ${cpu.toFixed(1)} s of CPU, ` +
        `${Math.round(rss / 2 ** 20)} MiB at most; equal, all nodes together: ` +
        `${kib((idleBytes / IDLE_MS) * 1000)} and ${((idleCpu / IDLE_MS) * 1e5).toFixed(1)} % of a core a second`,
    )
  } finally {
    await cluster.stop()
  }
}

/** Removes `count` keys, evenly spread over all keys. */
async function takeOut(nodeDir: string, keys: number, count: number): Promise<void> {
  const step = Math.floor(keys / Math.max(1, count))
  await withDatabase(nodeDir, count, (_, i) => {
    const key = nameOf(i * step)
    return recordOperations(msgpackCodec, storageKeyOf(key), copyOf(key, VALUE_BYTES), ABSENT_COPY)
  })
}

interface Convergence {
  readonly converged: boolean
  readonly unreachable: readonly string[]
}

async function convergence(cluster: LocalCluster): Promise<Convergence> {
  const url = `${cluster.nodes[0]?.clientUrl ?? ''}/v1/cluster/convergence`
  return (await (await fetch(url)).json()) as Convergence
}

/** Waits until every node has built its trees. */
async function built(cluster: LocalCluster): Promise<void> {
  await until(async () => (await convergence(cluster)).unreachable.length === 0)
}

async function converged(cluster: LocalCluster): Promise<void> {
  await until(async () => (await convergence(cluster)).converged)
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + CONVERGED_MS_MAX
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('the copies did not become equal in ten minutes')
    await sleep(POLL_MS)
  }
}

/** The sum of a counter over all nodes, without series of the direction `in`. */
async function total(cluster: LocalCluster, metric: string): Promise<number> {
  const series = new RegExp(`^quorate_${metric}(?:\\{([^}]*)\\})? (\\S+)$`, 'gm')
  let sum = 0
  for (const { clientUrl } of cluster.nodes) {
    const text = await (await fetch(`${clientUrl}/metrics`)).text()
    for (const [, labels = '', value] of text.matchAll(series)) {
      if (!labels.includes('direction="in"')) sum += Number(value)
    }
  }
  return sum
}

async function pids(cluster: LocalCluster): Promise<number[]> {
  return (await cluster.control.status()).flatMap(({ pid }) => (pid === null ? [] : [pid]))
}

async function cpuSeconds(cluster: LocalCluster): Promise<number> {
  const all = (await pids(cluster)).map((pid) => usageOf(pid)?.cpuSeconds ?? 0)
  return all.reduce((sum, one) => sum + one, 0)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`
}
