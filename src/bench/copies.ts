/** Waits for what a node tells about the copies of its cluster: whether the hash trees exist, and whether they agree. */
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 100
const WAIT_MS_MAX = 600_000

interface Convergence {
  readonly converged: boolean
  readonly unreachable: readonly string[]
}

/** Waits until every node has built its trees. `url` is the address of any node. */
export async function untilTreesAreBuilt(url: string): Promise<void> {
  await until(url, ({ unreachable }) => unreachable.length === 0)
}

export async function untilCopiesAreEqual(url: string): Promise<void> {
  await until(url, ({ converged }) => converged)
}

async function until(url: string, isSo: (told: Convergence) => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX
  for (;;) {
    const answer = await fetch(`${url}/v1/cluster/convergence`)
    if (isSo((await answer.json()) as Convergence)) return
    if (performance.now() > endMs) throw new Error('the copies did not become equal in ten minutes')
    await sleep(POLL_MS)
  }
}
