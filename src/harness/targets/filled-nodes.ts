/** Waits until every node is ready again. A node with damaged files must be filled before the next node is hit. */
import { setTimeout as sleep } from 'node:timers/promises'

const FILLED_WITHIN_MS = 90_000
const LOOK_INTERVAL_MS = 200
const ASK_TIMEOUT_MS = 2000

/** Rejects with the nodes that are not ready in time, and their answers. */
export async function whenFilled(
  urlsOf: () => Promise<ReadonlyMap<string, string>>,
  withinMs: number = FILLED_WITHIN_MS,
): Promise<void> {
  const endMs = performance.now() + withinMs
  for (;;) {
    const answers = await Promise.all(
      [...(await urlsOf())].map(async ([node, url]) => [node, await readinessOf(url)] as const),
    )
    const missing = answers.filter(([, answer]) => answer !== undefined)
    if (missing.length === 0) return
    if (performance.now() > endMs) {
      const said = missing.map(([node, answer]) => `${node}: ${answer ?? ''}`).join('; ')
      throw new Error(`not ready within ${withinMs / 1000} s: ${said}`)
    }
    await sleep(LOOK_INTERVAL_MS)
  }
}

/** Why the node is not ready; undefined if it is. */
async function readinessOf(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/readyz?verbose`, {
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    })
    return answer.status === 200 ? undefined : await answer.text()
  } catch (error) {
    return String(error)
  }
}
