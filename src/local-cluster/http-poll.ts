/** Waits for an HTTP server to say yes. It may not listen yet, stand still, or never come. */
import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 40
/** An attempt that takes longer is made anew, so that a node that stood still is noticed when it goes on. */
const ATTEMPT_MS_MAX = 1_000

/** Whether the answer to GET was a 2xx before `giveUp` was aborted. */
export async function pollUntilOk(url: string, giveUp: AbortSignal): Promise<boolean> {
  while (!giveUp.aborted) {
    try {
      const signal = AbortSignal.any([giveUp, AbortSignal.timeout(ATTEMPT_MS_MAX)])
      const response = await fetch(url, { signal })
      await response.body?.cancel()
      if (response.ok) return !giveUp.aborted
    } catch {
      // Nobody listens yet.
    }
    await sleep(INTERVAL_MS)
  }
  return false
}
