/**
 * The keys of a run. They are written before they are read, and some answers are checked one by one, because load
 * generators do not check answers.
 */
import { request } from 'undici'
import type { Access, HttpWorkload, RunningSystem, Workload } from '../systems/system.ts'
import { fillWithClient } from './client-load.ts'

const KEYS_MAX = 10_000
/** Bounds the requests, because the load generators keep all of them in memory. */
const REQUEST_BYTES_MAX = 2 ** 26
const AT_ONCE = 32
const CHECKED_KEYS = 10
/** How many characters of an unexpected answer are shown. */
const TOLD_MAX = 200

/** How many keys a run has: a whole number, at least 1. */
export function countKeys(valueBytes: number): number {
  return Math.max(1, Math.min(KEYS_MAX, Math.floor(REQUEST_BYTES_MAX / valueBytes)))
}

/**
 * Writes every key exactly once, so that each key has one value, whatever racing puts left behind.
 */
export async function fillKeys(
  { urls, access }: RunningSystem,
  write: Workload,
  keys: number,
  stop: AbortSignal,
): Promise<void> {
  if (write.via !== 'http') {
    await fillWithClient(write, { urls, connections: AT_ONCE, keys, stop })
    return
  }
  let next = 0
  const worker = async (): Promise<void> => {
    for (let number = next++; number < keys; number = next++) {
      await requestOne(urls[number % urls.length] ?? '', access, write, number)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** Checks that every node gives the expected answers. Throws if one does not. Client libraries check every answer. */
export async function checkAnswers(
  { urls, access }: RunningSystem,
  workload: Workload,
  value: string,
  keys: number,
): Promise<void> {
  if (workload.via !== 'http') return
  for (const url of urls) {
    for (let number = 0; number < Math.min(CHECKED_KEYS, keys); number++) {
      const body = await requestOne(url, access, workload, number)
      if (workload.valueIn === undefined || workload.valueIn(body) === value) continue
      throw new Error(`${workload.name}: ${url} returned a value that was not written`)
    }
  }
}

async function requestOne(
  url: string,
  access: Access | undefined,
  workload: HttpWorkload,
  number: number,
): Promise<string> {
  const { name, method, path, status } = workload
  const key = workload.keyOf(number)
  const body = method === 'GET' ? null : workload.body.replaceAll('{key}', key)
  const answer = await request(url + path.replaceAll('{key}', key), { ...access, method, body })
  const text = await answer.body.text()
  if (answer.statusCode === status) return text
  throw new Error(
    `${name}: ${url} answered ${answer.statusCode}, not ${status}: ${text.slice(0, TOLD_MAX)}`,
  )
}
