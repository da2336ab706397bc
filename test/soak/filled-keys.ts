/** Writes keys with several clients through all nodes. Each write is repeated until it is acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'

const ATTEMPTS_MAX = 20
const RETRY_PAUSE_MS = 100

/** `path` returns the bucket and the key for a number. */
export async function fillKeys(
  urls: readonly string[],
  count: number,
  clients: number,
  path: (i: number) => string,
  value: Buffer,
): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next < count) {
      const i = next++
      await put(`${urls[i % urls.length]}/v1/kv/${path(i)}`, value)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

async function put(url: string, value: Buffer): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { statusCode, body } = await request(url, { method: 'PUT', body: value })
    await body.dump()
    if (statusCode === 204) return
    if (attempt === ATTEMPTS_MAX) throw new Error(`PUT ${url}: ${statusCode}`)
    await sleep(attempt * RETRY_PAUSE_MS)
  }
}
