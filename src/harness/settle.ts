/**
 * Waits until a cluster is healthy: every node is ready and sees all others up, and no hint is pending. Only then do
 * the final reads show what the cluster has kept.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRecord, type StoreClient } from './store-client.ts'

export const SETTLE_TIMEOUT_MS = 60_000
const SETTLE_INTERVAL_MS = 250
const HINT_SYNC_TIMEOUT_MS = 5_000

/** Undefined when the cluster is healthy. After the timeout, a description of the problems that were left. */
export async function settle(
  clients: readonly StoreClient[],
  timeoutMs: number,
): Promise<string | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const problems = await Promise.all(clients.map(problemOf))
    const found = problems.filter((problem) => problem !== undefined)
    if (found.length === 0) return undefined
    if (performance.now() > deadline) return found.join('; ')
    await sleep(SETTLE_INTERVAL_MS)
  }
}

async function problemOf(client: StoreClient): Promise<string | undefined> {
  try {
    const ready = await client.ask('GET', '/readyz')
    if (ready.status !== 200) return `${client.node} is not ready (${ready.status})`
    const synced = await client.ask(
      'POST',
      `/v1/cluster/hints/sync?timeout=${HINT_SYNC_TIMEOUT_MS}`,
      HINT_SYNC_TIMEOUT_MS * 2,
    )
    if (synced.status !== 200)
      return `${client.node} could not deliver its hints (${synced.status})`
    const cluster = await client.ask('GET', '/v1/cluster')
    return viewProblem(client.node, cluster.json)
  } catch (error) {
    return `${client.node} does not answer (${error instanceof Error ? error.message || error.name : String(error)})`
  }
}

/** The problem that a node's own view of the cluster shows, if any. */
function viewProblem(node: string, view: unknown): string | undefined {
  if (!isRecord(view) || !Array.isArray(view['members']) || !isRecord(view['hints'])) {
    return `${node} does not describe the cluster at /v1/cluster`
  }
  for (const member of view['members'] as unknown[]) {
    if (isRecord(member) && member['state'] !== 'up')
      return `${node} considers ${String(member['id'])} ${String(member['state'])}`
  }
  for (const [owner, hints] of Object.entries(view['hints'])) {
    const pending = isRecord(hints) ? hints['pending'] : hints
    if (pending !== 0) return `${node} still keeps ${String(pending)} hints for ${owner}`
  }
  return undefined
}
