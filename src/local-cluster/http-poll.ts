/** Polls an HTTP server until it answers with success. The server may not listen yet, be paused, or never start. */
import { get } from 'node:http'
import { get as getSecure } from 'node:https'
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
    const signal = AbortSignal.any([giveUp, AbortSignal.timeout(ATTEMPT_MS_MAX)])
    if (await isOk(url, headers, signal)) return !giveUp.aborted
    await sleep(INTERVAL_MS)
  }
  return false
}

function isOk(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    // It asks a process of this machine whether it answers. Unless it sends a token, any certificate will do.
    const rejectUnauthorized = Object.keys(headers).length > 0
    const options = { headers, signal, agent: false, rejectUnauthorized }
    const asked = (url.startsWith('https:') ? getSecure : get)(url, options, (response) => {
      response.on('error', () => undefined).resume()
      const { statusCode = 0 } = response
      resolve(statusCode >= 200 && statusCode < 300)
    })
    // Nobody listens yet.
    asked.on('error', () => resolve(false))
  })
}
