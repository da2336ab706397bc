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
import type { Progress } from '../terminal/progress.ts'
import { untilCopiesAreEqual, untilTreesAreBuilt } from './copies.ts'
import { copyOf, fillDatabases, storageKeyOf, withDatabases } from './filled-database.ts'
import { usageOf } from './process-usage.ts'
import { Steps } from './steps.ts'
import { totalOf } from './systems/quorate-system.ts'
import { keyName } from './systems/system.ts'

const NODES = ['n1', 'n2', 'n3'] as const
const VALUE_BYTES = 100
const DIFFERENCES = [0, 10, 10_000]
const IDLE_MS = 10_000
const STEPS_OF_ONE = 4

export async function benchConvergence(
  keys: number,
  print: (line: string) => void,
  progress: Progress,
): Promise<void> {
  const steps = new Steps(progress, 1 + DIFFERENCES.length * STEPS_OF_ONE, 'steps')
  const dataDir = mkdtempSync(join(tmpdir(), 'quorate-convergence-'))
  try {
    steps.begin(`filling the databases with ${keys} keys`)
    // Create the directories and the identities of the nodes.
    await (await startCluster({ nodes: NODES.length, dataDir, basePort: 0 })).stop()
    const nodeDirs = NODES.map((id) => join(dataDir, id))
    await fillDatabases(nodeDirs, keys, VALUE_BYTES)
    print(`${keys} keys of ${VALUE_BYTES} bytes on each of three nodes`)
    for (const differences of DIFFERENCES) {
      await measure(dataDir, keys, differences, print, (text) =>
        steps.begin(`${differences} keys missing: ${text}`),
      )
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function measure(
  dataDir: string,
  keys: number,
  differences: number,
  print: (line: string) => void,
  begin: (step: string) => void,
): Promise<void> {
  begin('removing them')
  await takeOut(join(dataDir, 'n3'), keys, differences)
  begin('starting the nodes, which build their trees')
  const startMs = performance.now()
  const cluster = await startCluster({ nodes: NODES.length, dataDir, basePort: 0 })
  const urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
  const [first] = urls as [string]
  try {
    await untilTreesAreBuilt(first)
    const builtMs = performance.now() - startMs
    begin('waiting for equal copies')
    await untilCopiesAreEqual(first)
    const convergedMs = performance.now() - startMs
    const [bytes, cpu] = [await totalOf(urls, 'peer_bytes_total'), await cpuSeconds(cluster)]
    const exchanged = await totalOf(urls, 'anti_entropy_keys_total')
    const rss = Math.max(...(await pids(cluster)).map((pid) => usageOf(pid)?.memoryBytes ?? 0))
    begin('measuring the idle nodes')
    await sleep(IDLE_MS)
    const idleBytes = (await totalOf(urls, 'peer_bytes_total')) - bytes
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
  await withDatabases([nodeDir], count, (_, i) => {
    const key = storageKeyOf(keyName(i * step))
    return recordOperations(msgpackCodec, key, copyOf(i * step, VALUE_BYTES), ABSENT_COPY)
  })
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
