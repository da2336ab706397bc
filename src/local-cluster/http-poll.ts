/** Polls an HTTP server until it answers with success. The server may not listen yet, be paused, or never start. */
import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 40
/** A slower attempt is repeated, so that a paused node is noticed soon after it continues. */
const ATTEMPT_MS_MAX = 1_000

/** Whether a GET was answered with 2xx before `giveUp` was aborted. */
export async function pollUntilOk(
  url: string,
  giveUp: AbortSignal,
  headers: Record<string, string> = {},
): Promise<boolean> {
  while (!giveUp.aborted) {
    try {
      const signal = AbortSignal.any([giveUp, AbortSignal.timeout(ATTEMPT_MS_MAX)])
      const response = await fetch(url, { headers, signal })
      await response.body?.cancel()
      if (response.ok) return !giveUp.aborted
    } catch {
      // Nobody listens yet.
    }
    await sleep(INTERVAL_MS)
  }
  return false
}
