/**
 * Measures the memory of each node of a local cluster in MiB.
 *
 * On Linux the pages of mapped files do not count: LevelDB maps its tables, and the kernel takes these pages back when
 * it needs them. These pages grow with every read, including the scrub, which reads every record.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { LocalCluster } from '../../src/local-cluster/local-cluster.ts'

const LOOK_INTERVAL_MS = 500

const run = promisify(execFile)

export async function memoryOf({ control }: LocalCluster): Promise<Map<string, number>> {
  const nodes = await control.status()
  const memory = nodes.map(
    async ({ id, pid }) => [id, pid === null ? 0 : await memoryOfProcess(pid)] as const,
  )
  return new Map(await Promise.all(memory))
}

async function memoryOfProcess(pid: number): Promise<number> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
  }
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) / 1024
}

/** The largest memory of each node while `work` runs. */
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

/** The form for a report. */
export function rounded(memory: ReadonlyMap<string, number>): object {
  return Object.fromEntries([...memory].map(([id, mib]) => [id, Math.round(mib)]))
}
