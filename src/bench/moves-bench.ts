/**
 * Measures what a change of the members costs clients: puts at quorum through three of four nodes, before the fourth
 * node leaves, while its copies move to the others, and after. The keys exist beforehand, so that the move takes a
 * while. The same four processes run before and during the move, so that only the move makes the difference. (If a node
 * joined on the same machine, most of the cost would be the work of the new process.)
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LocalCluster, startCluster } from '../local-cluster/local-cluster.ts'
import type { Progress } from '../terminal/progress.ts'
import { fillDatabases } from './filled-database.ts'
import { findLoadGenerator } from './load/load-generator.ts'
import { Steps } from './steps.ts'
import { quoratePut } from './systems/quorate-system.ts'
import type { LoadResult } from './systems/system.ts'

const NODES = ['n1', 'n2', 'n3'] as const
const LEAVER = 'n4'
const VALUE_BYTES = 1024
const CONNECTIONS = 64
const WARM_UP_SECONDS = 15
/** The move is measured in windows of this length until it ends. */
const WINDOW_SECONDS = 5
const WINDOWS = 4
const POLL_MS = 200
const SETTLED_MS_MAX = 600_000
/** Filling, joining, warming up, leaving, and the windows before and after. */
const STEPS = 4 + 2 * WINDOWS

export async function benchMoves(
  keys: number,
  print: (line: string) => void,
  progress: Progress,
): Promise<void> {
  const steps = new Steps(progress, STEPS, 'steps')
  const dataDir = mkdtempSync(join(tmpdir(), 'quorate-moves-'))
  try {
    steps.begin(`filling the databases with ${keys} keys`)
    // Create the directories and the identities of the nodes.
    await (await startCluster({ nodes: NODES.length, dataDir, basePort: 0 })).stop()
    const nodeDirs = NODES.map((id) => join(dataDir, id))
    await fillDatabases(nodeDirs, keys, VALUE_BYTES)
    const env = { QUORATE_LOG_LEVEL: 'warn' }
    const cluster = await startCluster({ nodes: NODES.length, dataDir, basePort: 0, env })
    try {
      steps.begin(`${LEAVER} is joining`)
      await cluster.control.join(LEAVER, undefined)
      await settled(urlsOf(cluster)[0] as string)
      print(`${keys} keys of ${VALUE_BYTES} bytes, three copies, on four nodes; puts at quorum`)
      await measure(urlsOf(cluster), dataDir, keys, print, steps)
    } finally {
      await cluster.stop()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function measure(
  urls: readonly string[],
  dataDir: string,
  keys: number,
  print: (line: string) => void,
  steps: Steps,
): Promise<void> {
  const [first] = urls as [string]
  const put = quoratePut('put quorum', 'quorum', 'x'.repeat(VALUE_BYTES))
  const generator = await findLoadGenerator(dataDir)
  const load = (seconds: number): Promise<LoadResult> => {
    const stop = new AbortController().signal
    return generator.run(put, { urls, headers: {}, connections: CONNECTIONS, seconds, keys, stop })
  }
  const quietWindows = (when: string): Promise<LoadResult[]> => {
    let number = 0
    const step = (seconds: number): Promise<LoadResult> => {
      steps.begin(`window ${++number} of ${WINDOWS} ${when}`)
      return load(seconds)
    }
    return windows(step, WINDOWS, async () => true)
  }
  steps.begin('warming up')
  await load(WARM_UP_SECONDS)
  const before = await quietWindows('before')
  print(`before:          ${shown(before)}`)
  const startMs = performance.now()
  steps.begin(`${LEAVER} is leaving`)
  await leave(first)
  const during = await windows(load, Infinity, () => isChanging(first))
  const tookMs = performance.now() - startMs
  print(`while it leaves: ${shown(during)}; ${(tookMs / 1000).toFixed(1)} s`)
  await settled(first)
  const after = await quietWindows('after')
  print(`after:           ${shown(after)}`)
  const share = (meanOf(during) / meanOf(before)) * 100
  print(`throughput while it leaves: ${share.toFixed(0)} % of before`)
}

/** The addresses of the three nodes that stay. */
function urlsOf(cluster: LocalCluster): string[] {
  return cluster.nodes.map(({ clientUrl }) => clientUrl).slice(0, NODES.length)
}

/** Measures one window after the other, at least one, as long as `goesOn` is true. */
async function windows(
  load: (seconds: number) => Promise<LoadResult>,
  most: number,
  goesOn: () => Promise<boolean>,
): Promise<LoadResult[]> {
  const results: LoadResult[] = []
  do results.push(await load(WINDOW_SECONDS))
  while (results.length < most && (await goesOn()))
  return results
}

async function leave(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/cluster/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ leave: LEAVER }),
  })
  if (!response.ok)
    throw new Error(`the cluster refused to let ${LEAVER} leave: ${await response.text()}`)
}

async function isChanging(url: string): Promise<boolean> {
  const moves = (await (await fetch(`${url}/v1/cluster/moves`)).json()) as { change: unknown }
  return moves.change !== null
}

async function settled(url: string): Promise<void> {
  const endMs = performance.now() + SETTLED_MS_MAX
  while (await isChanging(url)) {
    if (performance.now() > endMs) throw new Error('the node did not leave in time')
    await sleep(POLL_MS)
  }
}

function meanOf(results: readonly LoadResult[]): number {
  return results.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0) / results.length
}

function shown(results: readonly LoadResult[]): string {
  const errors = results.reduce((sum, one) => sum + one.errors, 0)
  const p99Ms = Math.max(...results.map((one) => one.p99Ms))
  return `${Math.round(meanOf(results))} puts/s, p99 at most ${p99Ms.toFixed(1)} ms, ${errors} errors`
}
