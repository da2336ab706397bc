/** Resident memory of the nodes of a local cluster, in MiB, by node. */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { LocalCluster } from '../../src/cluster/local-cluster.ts'

const LOOK_INTERVAL_MS = 500

const run = promisify(execFile)

/** One program for all of them, and not waited for by the whole process, whose clients are being timed. */
export async function memoryOf({ control }: LocalCluster): Promise<Map<string, number>> {
  const nodes = await control.status()
  const pids = nodes.map(({ pid }) => pid).join(',')
  const { stdout } = await run('ps', ['-o', 'pid=,rss=', '-p', pids])
  const kibOf = new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]),
  )
  return new Map(nodes.map(({ id, pid }) => [id, (kibOf.get(pid ?? 0) ?? 0) / 1024]))
}

/** The most of each node while `work` goes on. */
export async function memoryPeaks(
  cluster: LocalCluster,
  work: Promise<unknown>,
): Promise<Map<string, number>> {
  const peaks = await memoryOf(cluster)
  let isOver = false
  const done = work.finally(() => (isOver = true))
  while (!isOver) {
    await sleep(LOOK_INTERVAL_MS)
    for (const [id, mib] of await memoryOf(cluster))
      peaks.set(id, Math.max(mib, peaks.get(id) ?? 0))
  }
  await done
  return peaks
}

/** As a report shows it. */
export function rounded(memory: ReadonlyMap<string, number>): object {
  return Object.fromEntries([...memory].map(([id, mib]) => [id, Math.round(mib)]))
}
